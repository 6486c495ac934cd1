"""What a run under way says of itself: one small file in its folder, for whoever looks on."""

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
#: Longer files are none of ours.
_MOST_BYTES: Final = 65_536


class Progress(Model):
    """How far a run is.

    Attributes:
        run: Its id, which is the name of its folder.
        suite: What it measures.
        arms: The suite's, in its order.
        started_at: ISO 8601, in UTC.
        pid: Of the harness.
        doing: What goes on, in words.
        scenario: The one that is measured; None in between.
        done: Slots of the scenario that are over.
        total: Slots of the scenario; 0 in between.
        left_s: Seconds that the scenario's slots will take from here, where that can be told.
        rates: Requests a second of each arm, over its latest slots.
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
    """Written anew whenever there is news, and removed with the run (`harness/measure/run_folder.py`).

    It is a comfort: a disk which is full fails nothing here.

    Args:
        folder: Of the run.
        suite: Name of the suite.
        arms: The suite's.
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
        """Say how far the run is; the fields are those of `Progress`."""
        news = {"doing": doing, "scenario": scenario, "done": done, "total": total, "left_s": left_s}
        progress = self._progress.model_copy(update=news | {"rates": rates or {}})
        with contextlib.suppress(EnvironmentFailedError):
            files.write_atomically(self._path, progress.model_dump_json().encode(), durable=False)


def read(folder: Path) -> Progress | None:
    """How far the run in a folder is; None where there is none that lives."""
    try:
        content = files.read_regular(folder / PROGRESS_FILE, _MOST_BYTES)
        progress = Progress.model_validate_json(content)
    except (OSError, ValidationError):
        return None
    reserve = files.reserve_of(folder)
    return progress if reserve.exists() and not locks.is_abandoned(reserve) else None
