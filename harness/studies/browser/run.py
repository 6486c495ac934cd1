"""Implementation of the command `study browser`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from harness.analysis.click_latency import CONFIDENCE, Click, as_meant, noise, pairs, waits
from harness.measure import run_folder
from harness.report.content import format as fmt
from harness.results.archive import WAIT_FILE
from harness.studies.browser import console as tables
from harness.studies.browser import driver, file
from harness.studies.browser.file import Measured, WaitPlan
from harness.studies.lab import Lab, LabSetting
from harness.system.output import Output
from harness.testbed.revisions import worktrees

#: Time limits for the start of a batch and for each of its rounds, in seconds, for a slow machine.
_START_S: Final = 300
_ROUND_S: Final = 30


def measure(plan: WaitPlan, folder: Path, output: Output, *, wait: bool) -> None:
    """Measure click-to-response latencies, save every click, and print the results.

    If a batch fails, earlier batches are kept.

    Raises:
        SuiteError: The folder has results already.
        EnvironmentFailedError: There is no browser, a server failed, or another run is in progress.
    """
    from harness.report.charts.waits import draw_waits

    log = output.log
    with run_folder.machine_lock(folder, wait=wait, log=log):
        driver.require()
        file.prepare(folder, plan)
        git, started_at = worktrees.revision(), datetime.now(UTC).isoformat(timespec="seconds")
        log(f"{plan.batches} batches of {plan.rounds} rounds of a click in each case, seed {plan.seed}")
        batches: list[Measured] = []
        for number in range(plan.batches):
            batches.append(_batch(plan.rounds, plan.seed + number, folder, output.console))
            text = file.save(folder, plan, git, started_at, batches)
            log(f"batch {number + 1} of {plan.batches}")
    output.json(text)
    clicks = as_meant([batch.clicks for batch in batches])
    control = noise(clicks)
    confidence = fmt.whole_percent(CONFIDENCE)
    log(f"Chromium {batches[0].browser}; means of the batches' medians, {confidence} confidence intervals")
    cases, compared = waits(clicks), pairs(clicks)
    tables.render(cases, compared, control, output.console)
    if control.floor is not None:
        log(
            "minimum detectable difference, from two servers of one scheme:"
            f" {fmt.number(100 * control.floor)} %"
        )
    if dropped := sum(len(batch.clicks) for batch in batches) - sum(map(len, clicks)):
        log(f"{dropped} clicks excluded: the browser sent a preflight that should have been cached")
    if control.suspicious:
        log(
            "warning: two servers of one scheme differ by more than chance: the verdicts above are unreliable"
        )
    caption = (
        f"{confidence} confidence intervals; {plan.batches} batches of {plan.rounds} rounds, seed"
        f" {plan.seed}; Chromium {batches[0].browser} and servers on one machine"
        f" ({batches[0].setting.cpu}, {batches[0].setting.cores} CPUs); {started_at}"
    )
    drawn = draw_waits(cases, compared, control, caption, folder)
    log(f"{WAIT_FILE} and {' and '.join(path.name for path in drawn)} are in {folder}")


def _batch(rounds: int, seed: int, folder: Path, console: Console) -> Measured:
    """Measure a batch on fresh servers, in a fresh browser."""
    timeout_s = _START_S + rounds * _ROUND_S
    with Lab(folder, console) as lab:
        browser, clicks = driver.run_experiment(lab, "wait", Click, timeout_s, rounds=rounds, seed=seed)
        return Measured(LabSetting.of(lab.digest()), browser, clicks)
