"""`wait.json`: what users waited for, with every click that it rests on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from harness.analysis.click_latency import CONFIDENCE, Click, as_meant, noise, pairs, waits
from harness.errors import EnvironmentFailedError, SuiteError
from harness.results import archive
from harness.results.archive import WAIT_FILE
from harness.results.environment import Git
from harness.studies.lab import LabSetting
from harness.system import files

#: A batch of a hundred rounds.
_BATCH_BYTES: Final = 300e3


@dataclass(frozen=True)
class WaitPlan:
    """What is to be measured.

    Attributes:
        batches: How many sets of servers and browser contexts.
        rounds: Clicks in every case, of each batch.
        seed: Of the order in the first batch; the next one has the next.
    """

    batches: int
    rounds: int
    seed: int


@dataclass(frozen=True)
class Measured:
    """One batch.

    Attributes:
        setting: Machine and servers.
        browser: The version of the Chromium.
        clicks: All of them, in order.
    """

    setting: LabSetting
    browser: str
    clicks: Sequence[Click]


def prepare(folder: Path, plan: WaitPlan) -> None:
    """Make the folder, before anything is measured.

    Raises:
        SuiteError: Something measured is there already.
        EnvironmentFailedError: It cannot be made or written, or has too little room.
    """
    if (folder / WAIT_FILE).exists():
        raise SuiteError(f"{folder} holds {WAIT_FILE} already: name another folder with --out, or remove it.")
    archive.prepare(folder, plan.batches * _BATCH_BYTES)


def save(folder: Path, plan: WaitPlan, git: Git, started_at: str, batches: Sequence[Measured]) -> str:
    """Write what was found so far, whole or not at all, and return it.

    Raises:
        EnvironmentFailedError: It cannot be written, or not all batches are of one browser and one code.
    """
    first = batches[0]
    if any((one.setting, one.browser) != (first.setting, first.browser) for one in batches):
        raise EnvironmentFailedError(
            "between two batches the browser or the servers' code has changed: measure again."
        )
    text = json.dumps(_to_json(plan, git, started_at, batches), indent=1) + "\n"
    files.write_atomically(folder / WAIT_FILE, text.encode())
    return text


def _to_json(plan: WaitPlan, git: Git, started_at: str, batches: Sequence[Measured]) -> dict[str, Any]:
    clicks = as_meant([one.clicks for one in batches])
    return {
        "schema_version": 1,
        "started_at": started_at,
        "setting": batches[0].setting.model_dump(),
        "git": git.model_dump(),
        "browser": batches[0].browser,
        **asdict(plan),
        "confidence": CONFIDENCE,
        "dropped": sum(len(one.clicks) for one in batches) - sum(map(len, clicks)),
        "waits": [asdict(row) for row in waits(clicks)],
        "pairs": [asdict(row) for row in pairs(clicks)],
        "noise": asdict(noise(clicks)),
        "clicks": [[click.model_dump() for click in one.clicks] for one in batches],
    }
