"""Result as one row of the list: start, suite, machine, exit status and conclusion. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from harness.report.content import validity
from harness.report.content.answer import answer
from harness.report.history.series import DEFAULT_METRICS
from harness.results.model import Result

#: Errors raised by inconsistent values, such as those of a file edited by hand.
NONSENSE: Final = (ArithmeticError, LookupError, TypeError, ValueError)
#: Parts of a result that neither rows nor trends need.
NOT_NEEDED: Final = ("distributions", "vitals")
_ENDINGS: Final = {
    0: "valid",
    1: "did not finish",
    3: "failed",
    10: "regression",
    11: "inconclusive",
    12: "invalid",
    130: "interrupted",
}


@dataclass(frozen=True)
class Summary:
    """Row of a result in the list.

    Attributes:
        place: Path of its folder relative to the results folder; empty if it is that folder.
        run: Id of the run.
        suite: Name of the suite.
        arms: Arms, in the order of the suite.
        machine: CPU and number of cores.
        started_at: Start time, ISO 8601 in UTC.
        ended: Exit status in a word or two.
        exit_code: Exit code of the run.
        answer: Conclusion in one sentence, as in its report.
        kept: The result, reduced to what trends need.
    """

    place: str
    run: str
    suite: str
    arms: tuple[str, ...]
    machine: str
    started_at: str
    ended: str
    exit_code: int
    answer: str
    kept: Result


def summary(place: str, result: Result) -> Summary:
    """Return the row of a result in this folder."""
    run, machine = result.run, result.environment
    return Summary(
        place=place,
        run=run.id,
        suite=run.suite,
        arms=tuple(result.arms()),
        machine=f"{machine.cpu}, {machine.cores} cores",
        started_at=run.started_at,
        ended=ended(result),
        exit_code=run.exit_code,
        answer=_answer(result),
        kept=_kept(result),
    )


def ended(result: Result) -> str:
    """Return how a run ended, in a word or two."""
    if not result.valid:
        return "invalid"
    return _ENDINGS.get(result.run.exit_code, f"exit code {result.run.exit_code}")


def _answer(result: Result) -> str:
    """Return the conclusion of the report; of an invalid run with the first reasons."""
    sentence = answer(result).sentence
    return sentence if result.valid else f"{sentence} {validity.invalid_reason(result)}"


def _kept(result: Result) -> Result:
    rows = [row for row in result.measurements if row.metric in DEFAULT_METRICS and "step" not in row.params]
    return result.model_copy(
        update={
            "measurements": [
                row.model_copy(update={"points": []}) for row in rows if math.isfinite(row.value)
            ],
            "comparisons": [row for row in result.comparisons if row.primary and math.isfinite(row.ratio)],
            "incidents": [],
            "gate": [],
        }
    )
