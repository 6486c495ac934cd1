"""Locks that end with their holder: the kernel releases them, even after SIGKILL, so none is ever stale.

They are `flock`s on files. A process id would tell less: ids are used again, and differ between containers
that share a folder. A file of ours is locked before anything is written to it, so one that has content and
no lock belonged to a process that is dead.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final

#: Longest note that is read; others may write to a shared folder too.
_NOTE_BYTES: Final = 4096


class Lock:
    """An exclusive lock that this process holds until `release`, or until it ends.

    Args:
        path: Its file.
        file: The same, open and locked.
    """

    def __init__(self, path: Path, file: FileIO) -> None:
        self._path = path
        self._file = file

    def release(self) -> None:
        """Give it back, and leave no file."""
        with contextlib.suppress(OSError):  # another user's file, in a folder where only owners remove
            self._path.unlink(missing_ok=True)
        self._file.close()


def try_lock(path: Path, note: str) -> Lock | None:
    """Take a lock at once and leave a note for whoever finds it taken; None where somebody has it.

    Raises:
        OSError: Its file cannot be made or opened, or the file system has no locks.
    """
    while True:
        file = FileIO(_open(path), "r+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        except OSError:
            file.close()
            raise
        if _is_at(file, path):
            break
        file.close()  # its holder removed it between our two steps: once more
    with contextlib.suppress(OSError):  # the lock counts, its note is a comfort
        file.truncate()
        file.write(note.encode()[:_NOTE_BYTES])
    return Lock(path, file)


def mark(file: BinaryIO) -> None:
    """Lock a file that is about to be written, as long as it is open."""
    with contextlib.suppress(OSError):  # a file system without locks: then nothing counts as abandoned
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def note(path: Path) -> str:
    """What the holder of a lock wrote; empty where that cannot be read."""
    with contextlib.suppress(OSError), FileIO(_open_there(path, os.O_RDONLY)) as file:
        return (file.read(_NOTE_BYTES) or b"").decode(errors="replace")
    return ""


def is_abandoned(path: Path) -> bool:
    """Whether a file was locked and written by a process that is dead by now."""
    with contextlib.suppress(OSError), FileIO(_open_there(path, os.O_RDONLY)) as file:
        if os.fstat(file.fileno()).st_size:  # an empty one is perhaps just being made
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    return False


def _open(path: Path) -> int:
    """Open a lock's file, or make one that every user may lock: a machine's users share its CPUs.

    In a folder like /tmp Linux refuses O_CREAT on another user's file, and a link there may be a trap.
    """
    while True:
        with contextlib.suppress(FileNotFoundError):
            return _open_there(path, os.O_RDWR)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            os.fchmod(descriptor, 0o666)  # whatever the umask
            return descriptor


def _open_there(path: Path, how: int) -> int:
    return os.open(path, how | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _is_at(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False
