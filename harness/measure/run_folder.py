"""The folder of a run while it is under way: room is kept in it, and it learns how the run ended."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from harness.errors import exit_code_of
from harness.results import archive
from harness.results.progress_file import PROGRESS_FILE
from harness.suites.forecast import Forecast
from harness.system import files, locks, run_lock, signals, temp_folders

#: Room for some result files: one that is replaced lies beside its successor for a moment.
_RESERVE_BYTES: Final = 1_000_000


@contextlib.contextmanager
def taken(folder: Path, will: Forecast, *, wait: bool, say: Callable[[str], None]) -> Iterator[None]:
    """Have the machine to oneself, and the folder of a run ready; what killed runs left is removed.

    Args:
        folder: Of the run.
        will: What it will take.
        wait: Queue behind another run.
        say: Told what is done.

    Raises:
        SuiteError: A result is there already.
        EnvironmentFailedError: Another run measures, or this one does not fit on the disk.
    """
    files.temporary_folder(will.temporary_bytes)
    with run_lock.taken(folder, wait=wait, say=say), opened(folder, will.disk_bytes):
        if removed := temp_folders.remove(folder.parent):
            say(f"removed what killed runs had left: {', '.join(removed)}")
        yield


@contextlib.contextmanager
def opened(folder: Path, room: float) -> Iterator[None]:
    """Have a run's folder ready before anything is measured, and its exit code in the result afterwards.

    Args:
        folder: Made where missing, and removed again where the run put nothing in.
        room: Bytes that the run will write, roughly.

    Raises:
        SuiteError: A result is there already.
        EnvironmentFailedError: It cannot be made or written, or the run does not fit in.
    """
    made = not folder.exists()
    try:
        archive.prepare(folder, room + _RESERVE_BYTES)
        try:
            with _reserve(folder):
                yield
        except BaseException as error:
            with signals.held():
                archive.set_exit_code(folder, exit_code_of(error))
            raise
    finally:
        if made:
            with contextlib.suppress(OSError):  # something is in it
                folder.rmdir()


@contextlib.contextmanager
def _reserve(folder: Path) -> Iterator[None]:
    """Keep some room, so that the end of a run can be told even where its disk got full.

    Its file is locked meanwhile, which says that the run lives; what it said of its progress goes with it.
    """
    path = files.reserve_of(folder)
    try:
        with path.open("wb", buffering=0) as file:
            locks.mark(file)
            try:
                if file.write(bytes(_RESERVE_BYTES)) < _RESERVE_BYTES:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                raise files.failure(error, path, _RESERVE_BYTES) from error
            yield
    finally:
        for own in (folder / PROGRESS_FILE, path):
            with contextlib.suppress(OSError):
                own.unlink(missing_ok=True)
