"""One run at a time on a machine: two would spoil each other's numbers."""

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

_EVERY_S: Final = 0.2


def lock_file() -> Path:
    """Where runs meet: the folder for temporary files, which all users of a machine usually share."""
    return Path(tempfile.gettempdir(), "cookies-vs-tokens.lock")


@contextlib.contextmanager
def machine_lock(folder: Path, *, wait: bool, log: Callable[[str], None]) -> Iterator[None]:
    """Measure with nobody else of us on this machine.

    Args:
        folder: Results of this run, for whoever comes meanwhile.
        wait: Queue behind another run instead of giving up.
        log: Told for whom it waits.

    Raises:
        EnvironmentFailedError: Another run measures, and `wait` is False.
    """
    path = lock_file()
    note = json.dumps({"pid": os.getpid(), "folder": str(folder.absolute()), "started_at": _now()})
    told = ""
    while (lock := _take(path, note)) is None:
        other = _holder(path)
        if not wait:
            raise EnvironmentFailedError(
                f"another run measures on this machine, and two spoil each other's numbers: {other}."
                " Let it finish, or queue behind it with --wait."
            )
        if told != other:
            log(f"waiting for another run: {other}")
            told = other
        time.sleep(_EVERY_S)
    try:
        yield
    finally:
        lock.release()


def folder() -> Path | None:
    """The folder of the run that has the machine, by the note of its lock; None where that tells none."""
    try:
        return Path(json.loads(locks.note(lock_file()))["folder"])
    except (ValueError, KeyError, TypeError):
        return None


def _take(path: Path, note: str) -> locks.Lock | None:
    try:
        return locks.try_lock(path, note)
    except OSError as error:
        raise EnvironmentFailedError(
            f"{path}, which keeps runs apart, cannot be used: {error.strerror}."
            " Remove it, or name another folder for temporary files with TMPDIR."
        ) from error


def _holder(path: Path) -> str:
    """Who has the lock, by the note in its file, which any user may have written."""
    try:
        note = json.loads(locks.note(path))
        return f"pid {int(note['pid'])}, results in {note['folder']!r}, started {note['started_at']!r}"
    except (ValueError, KeyError, TypeError):
        return "it left no note of who it is"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
