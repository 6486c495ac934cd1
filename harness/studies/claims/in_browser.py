"""Experiments of claims that are tested in a browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from harness.results.claims import Outcome
from harness.studies.browser.driver import NoBrowserError, Row, require, run_experiment

if TYPE_CHECKING:
    from harness.studies.lab import Lab


def browser_experiment(
    experiment: str, kind: type[Row], judge: Callable[[Sequence[Row]], Outcome]
) -> Callable[[Lab], Outcome]:
    """Return the function that tests a claim in a browser.

    Args:
        experiment: Name of the experiment.
        kind: Model of its rows.
        judge: Function from the rows to the outcome.
    """

    def run(lab: Lab) -> Outcome:
        try:
            require()
            browser_run = run_experiment(lab, experiment, kind)
        except NoBrowserError as error:
            return Outcome(verdict="not run", because=str(error), figures=[])
        return judge(browser_run.rows).model_copy(update={"browser": browser_run.browser})

    return run
