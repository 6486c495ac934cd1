"""Temporary folders, which can be recognised once the process that created them is dead.

A folder is recognised only if it has this tool's prefix, belongs to this user and was locked by a process
that is dead (`harness/system/locks.py`); folders of live runs and of other users never are.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from harness.errors import EnvironmentFailedError
from harness.system import files, locks, signals

#: Prefix of all temporary folders of this tool.
PREFIX: Final = "cookies-vs-tokens-"
#: File in the folder that is locked while the folder's owner is alive.
OWNER: Final = "owner"
#: Bytes of the longest path of a Unix socket (`sun_path`), less what is appended to the folder's path.
_LONGEST_PLACE: Final = (107 if sys.platform == "linux" else 103) - len(f"/{PREFIX}12345678/control.sock")


@contextlib.contextmanager
def temp_folder() -> Iterator[Path]:
    """Create a folder for the context, which counts as left over if this process dies before its end.

    Raises:
        EnvironmentFailedError: The folder cannot be created, or its path is too long for Unix sockets in it.
    """
    owner: locks.Lock | None = None
    place = tempfile.gettempdir()
    if len(os.fsencode(place)) > _LONGEST_PLACE:
        raise EnvironmentFailedError(
            f"{place}, the folder for temporary files, has too long a path for the Unix sockets in it:"
            f" name one of {_LONGEST_PLACE} bytes or fewer with TMPDIR."
        )
    folder: Path | None = None
    try:
        try:
            with signals.deferred():  # a signal of the meantime is raised at its end
                folder = Path(tempfile.mkdtemp(prefix=PREFIX))
                with contextlib.suppress(OSError):  # without locks it never counts as left over
                    owner = locks.try_lock(folder / OWNER, f"pid {os.getpid()}")
        except OSError as error:
            raise files.failure(error, Path(place, PREFIX)) from error
        yield folder
    finally:
        with signals.deferred():
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            if owner is not None:
                owner.release()


def dead_folders(place: Path) -> Iterator[Path]:
    """Yield this tool's temporary folders in `place` that belong to dead processes."""
    for folder in place.glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # its owner has just removed it
            status = folder.lstat()
            is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
            if is_ours and locks.is_abandoned(folder / OWNER):
                yield folder
