"""What the command `browser` does, told to a console."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console

from harness.analysis.click_latency import CONFIDENCE, Click, as_meant, noise, pairs, waits
from harness.errors import EnvironmentFailedError
from harness.measure import run_folder
from harness.report.content import format as fmt
from harness.results.archive import WAIT_FILE
from harness.studies.browser import console as tables
from harness.studies.browser import driver, file
from harness.studies.browser.file import Measured, WaitPlan
from harness.studies.lab import Lab, LabSetting
from harness.system import run_lock
from harness.testbed.revisions import worktrees

#: Seconds that a batch may take to begin, and each of its rounds, on a slow machine; longer, and it hangs.
_BEGINNING_S: Final = 300
_ROUND_S: Final = 30


def measure(plan: WaitPlan, folder: Path, console: Console, *, print_json: bool, wait: bool) -> None:
    """Measure what users wait for, keep every click, and print what they come to.

    Batches that were measured are kept when a later one fails.

    Raises:
        SuiteError: The folder holds something measured already.
        EnvironmentFailedError: There is no browser, a server failed, or another run is under way.
    """
    try:
        _measure(plan, folder, console, print_json=print_json, wait=wait)
    except driver.NoBrowserError as error:
        raise EnvironmentFailedError(str(error)) from error


def _measure(plan: WaitPlan, folder: Path, console: Console, *, print_json: bool, wait: bool) -> None:
    from harness.report.charts.waits import draw_waits

    log = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    with run_lock.machine_lock(folder, wait=wait, log=log):
        if removed := run_folder.remove(folder.parent):
            log(f"removed what killed runs had left: {', '.join(removed)}")
        driver.require()
        file.prepare(folder, plan)
        git, started_at = worktrees.revision(), datetime.now(UTC).isoformat(timespec="seconds")
        log(f"{plan.batches} batches of {plan.rounds} rounds of a click in each case, seed {plan.seed}")
        found: list[Measured] = []
        for number in range(plan.batches):
            found.append(_batch(plan.rounds, plan.seed + number, folder, console))
            text = file.save(folder, plan, git, started_at, found)
            log(f"batch {number + 1} of {plan.batches}")
    if print_json:
        print(text, end="")
    clicks = as_meant([one.clicks for one in found])
    same = noise(clicks)
    log(f"Chromium {found[0].browser}; means of the batches' medians, intervals at {CONFIDENCE:.0%}")
    cases, compared = waits(clicks), pairs(clicks)
    tables.render(cases, compared, same, console)
    if same.floor is not None:
        log(f"noise floor, from two servers of one scheme: {fmt.number(100 * same.floor)} %")
    if dropped := sum(len(one.clicks) for one in found) - sum(map(len, clicks)):
        log(f"{dropped} clicks left out: the browser had forgotten a preflight that it may remember")
    if same.suspicious:
        log("warning: two servers of one scheme differ more than chance explains: believe no verdict above")
    caption = (
        f"{fmt.whole_percent(CONFIDENCE)} intervals; {plan.batches} batches of {plan.rounds} rounds, seed"
        f" {plan.seed}; Chromium {found[0].browser} and servers together on one machine"
        f" ({found[0].setting.cpu}, {found[0].setting.cores} CPUs); {started_at}"
    )
    drawn = draw_waits(cases, compared, same, caption, folder)
    log(f"{WAIT_FILE} and {' and '.join(file.name for file in drawn)} are in {folder}")


def _batch(rounds: int, seed: int, folder: Path, console: Console) -> Measured:
    """The clicks on fresh servers, in a fresh browser."""
    patience_s = _BEGINNING_S + rounds * _ROUND_S
    with Lab(folder, console) as lab:
        made = driver.made(lab, "wait", Click, patience_s, rounds=rounds, seed=seed)
        return Measured(LabSetting.of(lab.digest()), made.browser, made.rows)
