"""Folder of a run in progress: reserves space in it, and records how the run ended."""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import exit_code_of
from harness.protocol import json_lines
from harness.results import archive
from harness.results.progress_file import PROGRESS_FILE
from harness.suites.forecast import Forecast
from harness.system import files, locks, run_lock, signals
from harness.system.files import PART
from harness.system.temp_folders import OWNER, dead_folders

if TYPE_CHECKING:
    from harness.analysis.observation import Observation
    from harness.measure.incidents.record import IncidentRecord


#: Space for a few result files: a file that is replaced exists beside its successor for a moment.
_RESERVE_BYTES: Final = 1_000_000


@contextlib.contextmanager
def run_folder(folder: Path, will: Forecast, *, wait: bool, log: Callable[[str], None]) -> Iterator[None]:
    """Lock the machine, prepare the folder of a run, and remove the remains of killed runs.

    Args:
        folder: Folder of the run.
        will: Forecast of the space that the run needs.
        wait: Queue behind another run.
        log: Receives progress messages.

    Raises:
        SuiteError: The folder already contains a result.
        EnvironmentFailedError: Another run is measuring, or this run does not fit on the disk.
    """
    files.temporary_folder(will.temporary_bytes)
    with run_lock.machine_lock(folder, wait=wait, log=log), opened(folder, will.disk_bytes):
        if removed := remove(folder.parent):
            log(f"removed remains of killed runs: {', '.join(removed)}")
        yield


@contextlib.contextmanager
def machine_lock(
    folder: Path, temporary_bytes: float = 0, *, wait: bool, log: Callable[[str], None]
) -> Iterator[None]:
    """Lock the machine for a study, and remove the remains of killed runs.

    Args:
        folder: Folder of the study.
        temporary_bytes: Space that it needs for temporary files; 0: not checked.
        wait: Queue behind another run.
        log: Receives progress messages.

    Raises:
        EnvironmentFailedError: Another run is measuring, or there is too little space.
    """
    with run_lock.machine_lock(folder, wait=wait, log=log):
        if temporary_bytes:
            files.temporary_folder(temporary_bytes)
        if removed := remove(folder.parent):
            log(f"removed files left by killed runs: {', '.join(removed)}")
        yield


@contextlib.contextmanager
def opened(folder: Path, room: float) -> Iterator[None]:
    """Prepare a run's folder before anything is measured, and record its exit code in the result afterwards.

    Args:
        folder: Folder of the run; created if missing, and removed again if it stays empty.
        room: Approximate number of bytes that the run will write.

    Raises:
        SuiteError: The folder already contains a result.
        EnvironmentFailedError: The folder cannot be created or written, or the run does not fit on its disk.
    """
    is_new = not folder.exists()
    try:
        archive.prepare(folder, room + _RESERVE_BYTES)
        try:
            with _reserve(folder):
                yield
        except BaseException as error:
            with signals.deferred():
                archive.set_exit_code(folder, exit_code_of(error))
            raise
    finally:
        if is_new:
            with contextlib.suppress(OSError):  # it is not empty
                folder.rmdir()


@contextlib.contextmanager
def _reserve(folder: Path) -> Iterator[None]:
    """Reserve space, so that the end of a run can be recorded even if its disk has become full.

    The file is locked meanwhile, which marks the run as alive; the progress file is removed with it.
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
        for file_of_run in (folder / PROGRESS_FILE, path):
            with contextlib.suppress(OSError):
                file_of_run.unlink(missing_ok=True)


def save_recording(observed: Observation, folder: Path, index: int) -> Path:
    """Write the raw histograms and the resource usage of one scenario beside the result."""
    batch = f"-batch-{observed.number}" if observed.number > 1 else ""
    path = folder / f"recording-{index + 1}-{observed.scenario.name}{batch}.jsonl.gz"
    plan = asdict(replace(observed.plan, edges=""))  # a temporary path of this machine
    for target in plan["targets"]:
        del target["dialect"]["accounts"]["password"]
    rows = [{"plan": plan}, *({"account": asdict(account)} for account in observed.accounts)]
    return _save(rows, observed.recording.lines(), path)


def save_timeline(record: IncidentRecord, folder: Path, index: int) -> Path:
    """Write the plan, events and timeline of one incident beside the result."""
    path = folder / f"recording-{index + 1}-{record.scenario.name}.jsonl.gz"
    plan = asdict(replace(record.plan, line=""))  # a temporary path of this machine
    rows = [{"plan": plan}, *({"event": asdict(event)} for event in record.events)]
    return _save(rows, record.timeline.lines(), path)


def _save(rows: Iterable[Mapping[str, Any]], lines: Iterable[str], path: Path) -> Path:
    """Write these rows, as lines of JSON, and further lines to a file, gzipped."""
    text = "".join([*map(json_lines.line, rows), *lines])
    files.write_atomically(path, gzip.compress(text.encode(), mtime=0))
    return path


def remove(results: Path) -> list[str]:
    """Remove the remains of dead runs from the folder for temporary files and from the runs in `results`.

    Returns:
        Descriptions of what was removed.
    """
    removed = []
    for folder in dead_folders(Path(tempfile.gettempdir())):
        owner = locks.note(folder / OWNER)
        shutil.rmtree(folder, ignore_errors=True)
        removed.append(f"{folder} ({owner})")
    for part in results.glob(f"*/.*{PART}"):
        if locks.is_abandoned(part):
            with contextlib.suppress(OSError):  # it may belong to another user
                part.unlink()
                removed.append(str(part))
            progress = part.with_name(PROGRESS_FILE)
            if part == files.reserve_of(part.parent) and progress.exists():
                with contextlib.suppress(OSError):
                    progress.unlink()
                    removed.append(str(progress))
    return removed
