"""Atomic file writes, checks of free space with their error messages, and safe reads of foreign files."""

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

#: Suffix of a file that is being written; only this tool uses it.
PART: Final = ".cookies-vs-tokens.part"
#: A file system with less free space is full: the write that was cut off did not fit even in this.
_FULL_BYTES: Final = 65_536
_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a temporary file beside it, flush to disk, rename: readers see the old file or the new one.

    Args:
        path: Target file.
        content: Complete content.
        durable: Wait until the content is on the disk; not needed for files that a power cut may lose.

    Raises:
        EnvironmentFailedError: The disk is full, or the folder is missing or cannot be written.
    """
    temporary = part_of(path)
    try:
        try:
            with temporary.open("wb") as part:
                locks.mark(part)
                part.write(content)
                part.flush()
                if durable:
                    os.fsync(part.fileno())
                temporary.replace(path)
        finally:  # after a rename it no longer exists
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise failure(error, path, len(content)) from error


def open_regular(name: str | Path, folder: int | None = None, *, follow: bool = False) -> BinaryIO:
    """Open a regular file that any user may have created, without blocking.

    Args:
        name: Path of the file.
        folder: Descriptor of the folder of a relative path; None for the current folder.
        follow: Whether to follow a symbolic link.

    Raises:
        OSError: The file is missing, or is a pipe, another special file, or a link that is not followed.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(name, flags, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(name))
    return os.fdopen(descriptor, "rb")


def read_regular(
    name: str | Path, max_bytes: int, folder: int | None = None, *, follow: bool = False
) -> bytes:
    """Return the content of a file opened by `open_regular`.

    Args:
        name: Path of the file.
        max_bytes: Maximum size in bytes; a larger file is not read.
        folder: Descriptor of the folder of a relative path; None for the current folder.
        follow: Whether to follow a symbolic link.

    Raises:
        OSError: As `open_regular`, or the file is too large.
    """
    with open_regular(name, folder, follow=follow) as file:
        content = file.read(max_bytes + 1)  # the file may grow meanwhile
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, "too large", str(name))
    return content


def part_of(path: Path) -> Path:
    """Return the path of a file while it is being written."""
    return path.with_name(f".{path.name}{PART}")


def reserve_of(folder: Path) -> Path:
    """Return the file that reserves space in a run's folder; it is locked while the run is alive."""
    return part_of(folder / "reserve")


def require_room(folder: Path, wanted: float, option: str) -> None:
    """Check the free space before anything is written.

    Args:
        folder: Folder to be written to; need not exist yet.
        wanted: Approximate number of bytes to be written.
        option: Option or variable that names another folder, for the message.

    Raises:
        EnvironmentFailedError: There is less free space.
    """
    free = free_bytes(folder)
    if free < wanted:
        raise EnvironmentFailedError(
            f"{folder} has room for {_size(free)}, and this run needs about {_size(wanted)} there."
            f" Make room, or name another folder with {option}."
        )


def temporary_folder(wanted: float) -> Path:
    """Return the folder for temporary files, after a check that this many bytes fit in.

    Raises:
        EnvironmentFailedError: It is full or cannot be written. Python itself would silently use another.
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
    """Return the error for a write that failed."""
    message = f"{path} could not be written: {error.strerror}"
    if is_no_room(error):
        needed = f"{_size(wanted)} needed, " if wanted else ""
        message += f" ({needed}{_size(free_bytes(path.parent))} free in {path.parent})"
    return EnvironmentFailedError(f"{message}.")


def is_no_room(error: BaseException | None) -> bool:
    """Whether the cause of an error is an exhausted disk, quota or limit."""
    return isinstance(error, OSError) and error.errno in _NO_ROOM


def is_full(folder: Path) -> bool:
    """Whether almost nothing more can be written to a folder."""
    return free_bytes(folder) < _FULL_BYTES


def free_bytes(folder: Path) -> int:
    """Return the free bytes of a folder, or of the place where it will be created."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(existing).free


def _size(count: float) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.0f} kB"


_NAME: Final = "cookies-vs-tokens"


def folder() -> Path:
    """Return the cache folder, which may not exist yet: by XDG_CACHE_HOME, else the system's default."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if given.is_absolute():  # the XDG specification demands that relative paths are ignored
        return given / _NAME
    caches = Path("Library", "Caches") if sys.platform == "darwin" else Path(".cache")
    return Path.home() / caches / _NAME
