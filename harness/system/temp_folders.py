"""Temporary folders, which can be recognised once the process that created them is dead.

A folder is recognised only if it has this tool's prefix, belongs to this user and was locked by a process
that is dead (`harness/system/locks.py`); folders of live runs and of other users never are.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from harness.errors import EnvironmentFailedError
from harness.system import locks

#: Prefix of all temporary folders of this tool.
PREFIX: Final = "cookies-vs-tokens-"
#: File in the folder that is locked while the folder's owner is alive.
OWNER: Final = "owner"
#: Bytes of the longest path of a Unix socket (`sun_path`), less what is appended to the folder's path.
_LONGEST_PLACE: Final = (107 if sys.platform == "linux" else 103) - len(f"/{PREFIX}12345678/control.sock")


def make_folder() -> tuple[Path, locks.Lock | None]:
    """Create a temporary folder that counts as left over once this process is dead.

    Raises:
        OSError: The folder cannot be created.
        EnvironmentFailedError: Its path is too long for Unix sockets in it.
    """
    place = tempfile.gettempdir()
    if len(os.fsencode(place)) > _LONGEST_PLACE:
        raise EnvironmentFailedError(
            f"{place}, the folder for temporary files, has too long a path for the Unix sockets in it:"
            f" name one of {_LONGEST_PLACE} bytes or fewer with TMPDIR."
        )
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        return folder, locks.try_lock(folder / OWNER, f"pid {os.getpid()}")
    except OSError:  # no locks in this file system: it will never count as left over
        return folder, None


def dead_folders(place: Path) -> Iterator[Path]:
    """Yield this tool's temporary folders in `place` that belong to dead processes."""
    for folder in place.glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # its owner has just removed it
            status = folder.lstat()
            is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
            if is_ours and locks.is_abandoned(folder / OWNER):
                yield folder
