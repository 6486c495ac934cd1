"""Rows of the list: results, comparisons, and running benchmarks. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

from harness.report.compare.compare import Compared
from harness.report.content import environment, validity
from harness.report.content import format as fmt
from harness.report.content.answer import answer
from harness.report.history.series import DEFAULT_METRICS
from harness.results.model import Result
from harness.results.progress_file import Progress

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
        arms: Arms, in the order of the suite.
        machine: CPU and number of cores.
        ended: Exit status in a word or two.
        answer: Conclusion in one sentence, as in its report; of an invalid run with the first reasons.
        kept: The result, reduced to what the list and trends need.
    """

    place: str
    arms: tuple[str, ...]
    machine: str
    ended: str
    answer: str
    kept: Result


@dataclass(frozen=True)
class ComparisonSummary:
    """Row of a comparison in the list.

    Attributes:
        place: Path of its folder relative to the results folder; empty if it is that folder.
        runs: Ids of the results, the base first.
        about: Their suites, the compared cases, and excluded results.
    """

    place: str
    runs: str
    about: str


class ProgressText(NamedTuple):
    """Progress as the page shows it: folder, line above the bar, the bar's value and maximum, line below."""

    place: str
    title: str
    done: int
    total: int
    text: str


def summary(place: str, result: Result) -> Summary:
    """Return the row of a result in this folder."""
    sentence = answer(result).sentence
    return Summary(
        place=place,
        arms=tuple(result.arms()),
        machine=environment.hardware(result.environment),
        ended=ended(result),
        answer=sentence if result.valid else f"{sentence} {validity.invalid_reason(result)}",
        kept=_kept(result),
    )


def ended(result: Result) -> str:
    """Return how a run ended, in a word or two."""
    if not result.valid:
        return "invalid"
    return _ENDINGS.get(result.run.exit_code, f"exit code {result.run.exit_code}")


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


def comparison(place: str, compared: Compared) -> ComparisonSummary:
    """Return the row of a comparison in this folder."""
    base, *others = compared.results
    suites = dict.fromkeys(source.suite for source in compared.results)
    excluded = [f"{source.id} excluded: {source.invalid}" for source in others if source.invalid]
    return ComparisonSummary(
        place=place,
        runs=", ".join([f"{base.id} (base)", *(source.id for source in others)]),
        about="; ".join([f"suite {', '.join(suites)}", *compared.cases(), *excluded]),
    )


def describe_progress(place: str, progress: Progress) -> ProgressText:
    """Return a run's progress as the page shows it."""
    title = f"{progress.run}: suite {progress.suite}, {', '.join(progress.arms)}"
    words = [progress.doing if progress.scenario is None else f"{progress.scenario}: {progress.doing}"]
    if progress.total and progress.done:
        words.append(fmt.whole_percent(round(progress.done / progress.total, 2)))
    if progress.left_s is not None:
        words.append(f"{progress.left_s:.0f} s left of this scenario")
    words += [f"{arm} {rate:,.0f}/s" for arm, rate in progress.rates.items()]
    return ProgressText(place, title, min(progress.done, progress.total), progress.total, ", ".join(words))
