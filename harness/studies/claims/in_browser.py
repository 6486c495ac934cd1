"""The experiments of claims that a browser settles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from harness.results.claims import Outcome
from harness.studies.browser.driver import NoBrowserError, Row, made, require

if TYPE_CHECKING:
    from harness.studies.lab import Lab


def seen(
    experiment: str, kind: type[Row], judge: Callable[[Sequence[Row]], Outcome]
) -> Callable[[Lab], Outcome]:
    """The experiment of a claim that a browser settles.

    Args:
        experiment: Its name.
        kind: What its rows are.
        judge: What they come to.
    """

    def run(lab: Lab) -> Outcome:
        try:
            require()
            found = made(lab, experiment, kind)
        except NoBrowserError as error:
            return Outcome(verdict="not run", because=str(error), figures=[])
        return judge(found.rows).model_copy(update={"browser": found.browser})

    return run
