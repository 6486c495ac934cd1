"""Temporary folders that are found once the process that made them is dead.

Only what carries our name, belongs to this user and was locked by a process that is dead by now
(`harness/system/locks.py`): never anything of a run that lives, nor of anybody else.
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

#: Begins the name of every temporary folder of ours.
PREFIX: Final = "cookies-vs-tokens-"
#: The file in it that is locked as long as its owner lives.
OWNER: Final = "owner"
#: Bytes of the longest path that a Unix socket may have (`sun_path`), less what we add to that of the folder.
_LONGEST_PLACE: Final = (107 if sys.platform == "linux" else 103) - len(f"/{PREFIX}12345678/control.sock")


def make_folder() -> tuple[Path, locks.Lock | None]:
    """Make a temporary folder that counts as left over once this process is dead.

    Raises:
        OSError: It cannot be made.
        EnvironmentFailedError: The system allows no socket in it: its path is too long.
    """
    place = tempfile.gettempdir()
    if len(os.fsencode(place)) > _LONGEST_PLACE:
        raise EnvironmentFailedError(
            f"{place}, the folder for temporary files, has too long a path for the sockets that would lie in"
            f" it: name one of {_LONGEST_PLACE} bytes or fewer with TMPDIR."
        )
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        return folder, locks.try_lock(folder / OWNER, f"pid {os.getpid()}")
    except OSError:  # no locks there: nobody will count it as left over
        return folder, None


def dead_folders(place: Path) -> Iterator[Path]:
    """Yield the temporary folders of ours in `place` whose owners are dead."""
    for folder in place.glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # its owner has just removed it
            about = folder.lstat()
            ours = stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid()
            if ours and locks.is_abandoned(folder / OWNER):
                yield folder
