"""The file `wait.json`: click-to-response latencies, with all clicks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from harness.analysis.click_latency import CONFIDENCE, Click, as_meant, noise, pairs, waits
from harness.errors import EnvironmentFailedError, SuiteError
from harness.results import archive
from harness.results.archive import WAIT_FILE
from harness.results.environment import Git
from harness.studies.lab import LabSetting
from harness.system import files

#: Size of a batch of a hundred rounds.
_BATCH_BYTES: Final = 300e3


@dataclass(frozen=True)
class WaitPlan:
    """Plan of a measurement.

    Attributes:
        batches: Number of batches, each with fresh servers and browser contexts.
        rounds: Clicks per case in each batch.
        seed: Seed of the order of cases in the first batch; each further batch uses the next number.
    """

    batches: int
    rounds: int
    seed: int


@dataclass(frozen=True)
class Measured:
    """A measured batch.

    Attributes:
        setting: Machine and servers.
        browser: Version of Chromium.
        clicks: All clicks, in order.
    """

    setting: LabSetting
    browser: str
    clicks: Sequence[Click]


def prepare(folder: Path, plan: WaitPlan) -> None:
    """Create the folder, before anything is measured.

    Raises:
        SuiteError: The folder has results already.
        EnvironmentFailedError: The folder cannot be created or written, or has too little space.
    """
    if (folder / WAIT_FILE).exists():
        raise SuiteError(f"{folder} holds {WAIT_FILE} already: name another folder with --out, or remove it.")
    archive.prepare(folder, plan.batches * _BATCH_BYTES)


def save(folder: Path, plan: WaitPlan, git: Git, started_at: str, batches: Sequence[Measured]) -> str:
    """Write the batches measured so far, atomically, and return the text of the file.

    Raises:
        EnvironmentFailedError: The file cannot be written, or browser or code differ between batches.
    """
    first = batches[0]
    if any((batch.setting, batch.browser) != (first.setting, first.browser) for batch in batches):
        raise EnvironmentFailedError(
            "the browser or the servers' code has changed between two batches: measure again."
        )
    clicks = as_meant([batch.clicks for batch in batches])
    content = {
        "schema_version": 1,
        "started_at": started_at,
        "setting": first.setting.model_dump(),
        "git": git.model_dump(),
        "browser": first.browser,
        **asdict(plan),
        "confidence": CONFIDENCE,
        "dropped": sum(len(batch.clicks) for batch in batches) - sum(map(len, clicks)),
        "waits": [asdict(row) for row in waits(clicks)],
        "pairs": [asdict(row) for row in pairs(clicks)],
        "noise": asdict(noise(clicks)),
        "clicks": [[click.model_dump() for click in batch.clicks] for batch in batches],
    }
    text = json.dumps(content, indent=1) + "\n"
    files.write_atomically(folder / WAIT_FILE, text.encode())
    return text
