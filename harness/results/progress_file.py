"""Progress of a current run, published as a small file in its folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from harness.errors import EnvironmentFailedError
from harness.results.base import Model
from harness.system import files, locks

PROGRESS_FILE: Final = "progress.json"
#: Bytes above which a file is not read, since progress files are shorter.
_MOST_BYTES: Final = 65_536


class Progress(Model):
    """Progress of a run.

    Attributes:
        run: Id of the run, which is the name of its folder.
        suite: Name of the suite.
        arms: Arms in the order of the suite.
        started_at: Start time, ISO 8601 in UTC.
        pid: Process id of the harness.
        doing: Current activity, as text.
        scenario: Scenario that is measured; None between scenarios.
        done: Completed slots of the scenario.
        total: Slots of the scenario; 0 between scenarios.
        left_s: Seconds that the remaining slots of the scenario will take, if known.
        rates: Requests/s of each arm, over its latest slots.
    """

    schema_version: Literal[1] = 1
    run: str
    suite: str
    arms: list[str]
    started_at: str
    pid: int
    doing: str
    scenario: str | None = None
    done: int = Field(default=0, ge=0)
    total: int = Field(default=0, ge=0)
    left_s: float | None = None
    rates: dict[str, float] = Field(default_factory=dict)


class ProgressFile:
    """Progress file of a run, rewritten with each change; `harness/measure/run_folder.py` removes it.

    Best effort: a full disk is ignored.

    Args:
        folder: Folder of the run.
        suite: Name of the suite.
        arms: Arms of the suite.
    """

    def __init__(self, folder: Path, suite: str, arms: Sequence[str]) -> None:
        self._path = folder / PROGRESS_FILE
        self._progress = Progress(
            run=folder.name,
            suite=suite,
            arms=list(arms),
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            pid=os.getpid(),
            doing="",
        )

    def write(
        self,
        doing: str,
        scenario: str | None = None,
        *,
        done: int = 0,
        total: int = 0,
        left_s: float | None = None,
        rates: dict[str, float] | None = None,
    ) -> None:
        """Write the progress; the arguments are the fields of `Progress`."""
        update = {"doing": doing, "scenario": scenario, "done": done, "total": total, "left_s": left_s}
        progress = self._progress.model_copy(update=update | {"rates": rates or {}})
        with contextlib.suppress(EnvironmentFailedError):
            files.write_atomically(self._path, progress.model_dump_json().encode(), durable=False)


def read(folder: Path) -> Progress | None:
    """Return the progress of the run in a folder; None if no run is active there."""
    try:
        content = files.read_regular(folder / PROGRESS_FILE, _MOST_BYTES)
        progress = Progress.model_validate_json(content)
    except (OSError, ValidationError):
        return None
    reserve = files.reserve_of(folder)
    return progress if reserve.exists() and not locks.is_abandoned(reserve) else None
