"""Lock that allows one run at a time on a machine: concurrent runs distort each other's results."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from harness.errors import EnvironmentFailedError
from harness.system import locks

_POLL_S: Final = 0.2


def lock_file() -> Path:
    """Return the lock file, in the folder for temporary files, which a machine's users usually share."""
    return Path(tempfile.gettempdir(), "cookies-vs-tokens.lock")


@contextlib.contextmanager
def machine_lock(folder: Path, *, wait: bool, log: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of this machine within the context.

    Args:
        folder: Results folder of this run, which refused runs report.
        wait: Queue behind another run instead of failing.
        log: Receives a message about the run that is waited for.

    Raises:
        EnvironmentFailedError: Another run is measuring, and `wait` is False.
    """
    path, started_at = lock_file(), datetime.now(UTC).isoformat(timespec="seconds")
    note = json.dumps({"pid": os.getpid(), "folder": str(folder.absolute()), "started_at": started_at})
    reported = ""
    while (lock := _take(path, note)) is None:
        other = _holder(path)
        if not wait:
            raise EnvironmentFailedError(
                f"another run is measuring on this machine, and two would distort each other: {other}."
                " Let it finish, or queue behind it with --wait."
            )
        if reported != other:
            log(f"waiting for another run: {other}")
            reported = other
        time.sleep(_POLL_S)
    try:
        yield
    finally:
        lock.release()


def folder() -> Path | None:
    """Return the folder of the run that holds the lock, from the lock's note; None if it names none."""
    try:
        return Path(json.loads(locks.note(lock_file()))["folder"])
    except (ValueError, KeyError, TypeError):
        return None


def _take(path: Path, note: str) -> locks.Lock | None:
    try:
        return locks.try_lock(path, note)
    except OSError as error:
        raise EnvironmentFailedError(
            f"{path}, the lock that allows one run at a time, cannot be used: {error.strerror}."
            " Remove it, or name another folder for temporary files with TMPDIR."
        ) from error


def _holder(path: Path) -> str:
    """Return a description of the lock's holder, from the note in its file, which any user can write."""
    try:
        note = json.loads(locks.note(path))
        return f"pid {int(note['pid'])}, results in {note['folder']!r}, started {note['started_at']!r}"
    except (ValueError, KeyError, TypeError):
        return "its lock file does not describe it"
