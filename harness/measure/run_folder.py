"""The folder of a run while it is under way: room is kept in it, and it learns how the run ended."""

from __future__ import annotations

import contextlib
import errno
import gzip
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.errors import exit_code_of
from harness.results import archive
from harness.results.progress_file import PROGRESS_FILE
from harness.suites.forecast import Forecast
from harness.system import files, locks, run_lock, signals
from harness.system.files import PART
from harness.system.temp_folders import OWNER, dead_folders

if TYPE_CHECKING:
    from harness.analysis.observation import Observation
    from harness.measure.incidents.record import IncidentRecord


#: Room for some result files: one that is replaced lies beside its successor for a moment.
_RESERVE_BYTES: Final = 1_000_000


@contextlib.contextmanager
def run_folder(folder: Path, will: Forecast, *, wait: bool, log: Callable[[str], None]) -> Iterator[None]:
    """Have the machine to oneself, and the folder of a run ready; what killed runs left is removed.

    Args:
        folder: Of the run.
        will: What it will take.
        wait: Queue behind another run.
        log: Told what is done.

    Raises:
        SuiteError: A result is there already.
        EnvironmentFailedError: Another run measures, or this one does not fit on the disk.
    """
    files.temporary_folder(will.temporary_bytes)
    with run_lock.machine_lock(folder, wait=wait, log=log), opened(folder, will.disk_bytes):
        if removed := remove(folder.parent):
            log(f"removed what killed runs had left: {', '.join(removed)}")
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
            with signals.deferred():
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


def save_recording(observed: Observation, folder: Path, index: int) -> Path:
    """Write the raw histograms and accounts of one scenario beside the result."""
    batch = f"-batch-{observed.number}" if observed.number > 1 else ""
    path = folder / f"recording-{index + 1}-{observed.scenario.name}{batch}.jsonl.gz"
    plan = asdict(replace(observed.plan, edges=""))  # a path of this machine, gone with the run
    for target in plan["targets"]:
        del target["dialect"]["accounts"]["password"]
    lines = [json.dumps({"plan": plan}) + "\n"]
    lines += [json.dumps({"account": asdict(account)}) + "\n" for account in observed.accounts]
    lines += observed.recording.lines()
    files.write_atomically(path, gzip.compress("".join(lines).encode(), mtime=0))
    return path


def save_timeline(lived: IncidentRecord, folder: Path, index: int) -> Path:
    """Write the plan, events and timeline of one incident beside the result."""
    path = folder / f"recording-{index + 1}-{lived.scenario.name}.jsonl.gz"
    plan = replace(lived.plan, line="")  # a path of this machine, gone with the run
    lines = [json.dumps({"plan": asdict(plan)}) + "\n"]
    lines += [json.dumps({"event": asdict(event)}) + "\n" for event in lived.events]
    lines += lived.timeline.lines()
    files.write_atomically(path, gzip.compress("".join(lines).encode(), mtime=0))
    return path


def remove(results: Path) -> list[str]:
    """Remove what dead runs left in the folder for temporary files and in the runs below `results`.

    Returns:
        What was removed, in words.
    """
    removed = []
    for folder in dead_folders(Path(tempfile.gettempdir())):
        owner = locks.note(folder / OWNER)
        shutil.rmtree(folder, ignore_errors=True)
        removed.append(f"{folder} ({owner})")
    for part in results.glob(f"*/.*{PART}"):
        if locks.is_abandoned(part):
            with contextlib.suppress(OSError):  # not ours to remove after all
                part.unlink()
                removed.append(str(part))
            progress = part.with_name(PROGRESS_FILE)
            if part == files.reserve_of(part.parent) and progress.exists():
                with contextlib.suppress(OSError):
                    progress.unlink()
                    removed.append(str(progress))
    return removed
