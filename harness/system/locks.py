"""Locks that end with their holder: the kernel releases them, even after SIGKILL, so none is ever stale.

They are `flock`s on files. Process ids would be less reliable: they are reused, and differ between containers
that share a folder. This tool locks each of its files before it writes to it, so a file that has content and
no lock belonged to a process that is dead.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final

#: Maximum length of a note; other users may write to a shared folder too.
_NOTE_BYTES: Final = 4096


class Lock:
    """An exclusive lock that this process holds until `release`, or until it ends.

    Args:
        path: Lock file.
        file: Same file, open and locked.
    """

    def __init__(self, path: Path, file: FileIO) -> None:
        self._path = path
        self._file = file

    def release(self) -> None:
        """Release the lock and remove its file."""
        with contextlib.suppress(OSError):  # another user's file, in a folder where only owners remove
            self._path.unlink(missing_ok=True)
        self._file.close()


def try_lock(path: Path, note: str) -> Lock | None:
    """Take a lock without waiting and write a note for other processes; None if the lock is taken.

    Raises:
        OSError: The file cannot be created or opened, or the file system has no locks.
    """
    while True:
        with contextlib.ExitStack() as closing:
            file = closing.enter_context(FileIO(_open(path), "r+"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
            if not _is_at(file, path):
                continue  # the previous holder removed it between open and lock: try again
            with contextlib.suppress(OSError):  # the lock is what counts, the note is optional
                file.truncate()
                file.write(note.encode()[:_NOTE_BYTES])
            closing.pop_all()
            return Lock(path, file)


def mark(file: BinaryIO) -> None:
    """Lock a file that is about to be written, until it is closed."""
    with contextlib.suppress(OSError):  # a file system without locks: then nothing counts as abandoned
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def note(path: Path) -> str:
    """Return the note that the holder of a lock wrote; empty if it cannot be read."""
    with contextlib.suppress(OSError), FileIO(_open_existing(path, os.O_RDONLY)) as file:
        return (file.read(_NOTE_BYTES) or b"").decode(errors="replace")
    return ""


def is_abandoned(path: Path) -> bool:
    """Whether a file was locked and written by a process that is dead."""
    with contextlib.suppress(OSError), FileIO(_open_existing(path, os.O_RDONLY)) as file:
        if os.fstat(file.fileno()).st_size:  # an empty file may just have been created
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    return False


def _open(path: Path) -> int:
    """Open a lock file, or create one that every user may lock: a machine's users share its CPUs.

    In a folder like /tmp Linux refuses O_CREAT on another user's file, and a link there may be an attack.
    """
    while True:
        with contextlib.suppress(FileNotFoundError):
            return _open_existing(path, os.O_RDWR)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            os.fchmod(descriptor, 0o666)  # independent of the umask
            return descriptor


def _open_existing(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _is_at(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False
