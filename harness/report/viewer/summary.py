"""A result in one row: when, what, where, how it ended, and its answer in one sentence. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from harness.report.content import validity
from harness.report.content.answer import answer
from harness.report.history.series import METRICS_TOLD
from harness.results.model import Result

#: What comes of figures that make no sense, such as those of a file that somebody wrote by hand.
NONSENSE: Final = (ArithmeticError, LookupError, TypeError, ValueError)
#: Parts of a result that no row and no trend is made from.
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
    """What the list of results shows of one.

    Attributes:
        place: Its folder, below that of all results; empty where it is the same.
        run: Its id.
        suite: What was measured.
        arms: In the order of the suite.
        machine: CPU and cores.
        started_at: ISO 8601, in UTC.
        ended: How, in a word or two.
        exit_code: With which it ended.
        answer: In one sentence, as its report has it.
        kept: The result, without what no trend is made from.
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
    """The row of a result that lies in a folder."""
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
    """How a run ended, in a word or two."""
    if not result.valid:
        return "invalid"
    return _ENDINGS.get(result.run.exit_code, f"exit code {result.run.exit_code}")


def _answer(result: Result) -> str:
    """What its report says first; of an invalid run the reason, too, which a list has no other place for."""
    sentence = answer(result).sentence
    return sentence if result.valid else f"{sentence} {validity.invalid_reason(result)}"


def _kept(result: Result) -> Result:
    rows = [row for row in result.measurements if row.metric in METRICS_TOLD and "step" not in row.params]
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
