"""Files written whole or not at all, what is said when there is no room for them; files of others, read."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO, Final

from harness.errors import EnvironmentFailedError
from harness.system import locks

#: Ends the name of a file that is being written; nobody else's files end like this.
PART: Final = ".cookies-vs-tokens.part"
#: A file system with less than this is full: what was cut off did not even fit in here.
_FULL_BYTES: Final = 65_536
_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write beside it, flush to disk, rename: a reader sees the old file or the new one.

    Args:
        path: The file.
        content: All of it.
        durable: Wait until the disk has it; for what nobody misses after a power cut that is not worth it.

    Raises:
        EnvironmentFailedError: The disk is full, or the folder is gone or cannot be written.
    """
    beside = part_of(path)
    try:
        try:
            with beside.open("wb") as part:
                locks.mark(part)
                part.write(content)
                part.flush()
                if durable:
                    os.fsync(part.fileno())
                beside.replace(path)
        finally:  # after a rename there is none
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise failure(error, path, len(content)) from error


def open_regular(name: str | Path, folder: int | None = None, *, follow: bool = False) -> BinaryIO:
    """Open a regular file that anybody may have put there; nothing makes the reader wait.

    Args:
        name: The file.
        folder: Descriptor of the folder that a relative name is in; None for the current one.
        follow: Whether a link is followed.

    Raises:
        OSError: There is none, or it is a pipe, another special file, or a link that is not followed.
    """
    how = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(name, how, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no regular file", str(name))
    return os.fdopen(descriptor, "rb")


def read_regular(name: str | Path, most: int, folder: int | None = None, *, follow: bool = False) -> bytes:
    """The content of a file opened by `open_regular`.

    Args:
        name: The file.
        most: Bytes; a larger file is not read.
        folder: Descriptor of the folder that a relative name is in; None for the current one.
        follow: Whether a link is followed.

    Raises:
        OSError: As `open_regular`, or it is too large.
    """
    with open_regular(name, folder, follow=follow) as file:
        content = file.read(most + 1)  # it may grow meanwhile
    if len(content) > most:
        raise OSError(errno.EFBIG, "too large", str(name))
    return content


def part_of(path: Path) -> Path:
    """Where a file lies until it is whole."""
    return path.with_name(f".{path.name}{PART}")


def reserve_of(folder: Path) -> Path:
    """The file that keeps room in the folder of a run, and is locked as long as the run lives."""
    return part_of(folder / "reserve")


def require_room(folder: Path, wanted: float, option: str) -> None:
    """Refuse to begin what will not fit.

    Args:
        folder: Where it will be written; need not exist yet.
        wanted: Bytes that will be written, roughly.
        option: How to name another folder.

    Raises:
        EnvironmentFailedError: There is less room.
    """
    free = free_bytes(folder)
    if free < wanted:
        raise EnvironmentFailedError(
            f"{folder} has room for {_size(free)}, and this run needs about {_size(wanted)} there."
            f" Make room, or name another folder with {option}."
        )


def temporary_folder(wanted: float) -> Path:
    """The folder for temporary files, with room for this many bytes.

    Raises:
        EnvironmentFailedError: It is full or cannot be written. Python itself would silently take another.
    """
    named = os.environ.get("TMPDIR", "")
    if named:
        require_room(Path(named), wanted, "TMPDIR")
    try:
        folder = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise EnvironmentFailedError(f"{error.strerror}. Name one with TMPDIR.") from error
    if named and not (Path(named).exists() and folder.samefile(named)):
        raise EnvironmentFailedError(f"TMPDIR is {named}, which cannot be written. Name another folder.")
    require_room(folder, wanted, "TMPDIR")
    return folder


def failure(error: OSError, path: Path, wanted: int = 0) -> EnvironmentFailedError:
    """What to tell of a write that failed."""
    told = f"{path} could not be written: {error.strerror}"
    if is_no_room(error):
        needed = f"{_size(wanted)} needed, " if wanted else ""
        told += f" ({needed}{_size(free_bytes(path.parent))} free in {path.parent})"
    return EnvironmentFailedError(f"{told}.")


def is_no_room(error: BaseException | None) -> bool:
    """Whether this says that a disk, a quota or a limit is used up."""
    return isinstance(error, OSError) and error.errno in _NO_ROOM


def is_full(folder: Path) -> bool:
    """Whether hardly anything more can be written in a folder."""
    return free_bytes(folder) < _FULL_BYTES


def free_bytes(folder: Path) -> int:
    """Room in a folder, or where it will be made."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free


def _size(count: float) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.0f} kB"


_NAME: Final = "cookies-vs-tokens"


def folder() -> Path:
    """The cache folder, which need not be there: by XDG_CACHE_HOME, else where the system keeps caches."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if given.is_absolute():  # the XDG specification has relative ones ignored
        return given / _NAME
    caches = Path("Library", "Caches") if sys.platform == "darwin" else Path(".cache")
    return Path.home() / caches / _NAME
