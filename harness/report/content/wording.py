"""What a Result's comparisons say, in sentences. Pure.

A comparison is always told as the result file has it, arm over base, so that a reader finds the ratio again.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from harness.report.content import format as fmt
from harness.report.content.case import Case
from harness.results.metrics import METRICS
from harness.results.model import Comparison, Result


class _Phrase(NamedTuple):
    """How a comparison of one metric is put; its templates take arm, base, and share or ratio."""

    subject: str
    more: str
    less: str
    times: str


_PHRASES: Final[dict[str, _Phrase]] = {
    "total_cpu": _Phrase(
        "CPU per request",
        "{arm} needs {share} more CPU per request than {base}",
        "{arm} needs {share} less CPU per request than {base}",
        "{arm} costs {ratio} {base} in CPU per request",
    ),
    "throughput": _Phrase(
        "throughput",
        "{arm} serves {share} more requests per second than {base}",
        "{arm} serves {share} fewer requests per second than {base}",
        "{arm} serves {ratio} the requests per second of {base}",
    ),
    "capacity": _Phrase(
        "capacity under the limit",
        "{arm} bears {share} more load under the limit than {base}",
        "{arm} bears {share} less load under the limit than {base}",
        "{arm} bears {ratio} the load of {base}",
    ),
    "service_p50": _Phrase(
        "median service time",
        "{arm} has a median service time {share} longer than {base}",
        "{arm} has a median service time {share} shorter than {base}",
        "{arm} takes {ratio} the median service time of {base}",
    ),
}


def headline(case: Case, metric: str) -> str | None:
    """One line that names the winner: for a chart's title. None where there is no comparison.

    Of several pairs the first without the anonymous floor is told.
    """
    comparison = next(iter(case.comparisons(metric)), None)
    if comparison is None:
        return None
    sureness = _ci_short(comparison, case.result.run.comparisons_confidence)
    return f"{_head(comparison)}{_times(comparison)} ({case.name}, {sureness})"


def sentence(comparison: Comparison, result: Result) -> str:
    """One comparison in a plain sentence: who, by how much, how surely, and the verdict."""
    pair, subject = f"{comparison.arm} and {comparison.base}", _phrase(comparison.metric).subject
    told = figures(comparison, result.run.comparisons_confidence)
    margin = fmt.whole_percent(result.run.margin)
    match comparison.verdict:
        case "equivalent":
            return f"{pair} are equivalent in {subject}, within the margin of {margin} ({told})."
        case "inconclusive":
            return (
                f"{pair} in {subject}: inconclusive ({told}). Neither a difference nor equivalence within "
                f"{margin} is shown; more instances would narrow the interval."
            )
        case "not judged":
            return f"{difference(comparison)} ({told}): not judged."
        case _:
            return f"{difference(comparison)} ({told}): verdict {comparison.verdict}."


def sentences(case: Case) -> list[str]:
    """The sentences about the primary metric of a case; none when the run is invalid."""
    if not case.result.valid:
        return []
    return [sentence(row, case.result) for row in case.comparisons() if row.primary]


def arrivals(case: Case) -> str | None:
    """How well an open loop kept its schedule, by the worst arm; None in a closed loop."""
    late, dropped = case.measured("late_arrivals"), case.measured("dropped_arrivals")
    lag = case.measured("lag_p99")
    if not (late and dropped and lag):
        return None
    return (
        f"Arrivals, worst arm: {fmt.percent(max(row.value for row in late))} late, "
        f"{fmt.percent(max(row.value for row in dropped))} dropped, "
        f"{fmt.number(max(row.value for row in lag))} us behind schedule at the 99th percentile."
    )


def _phrase(metric: str) -> _Phrase:
    if metric in _PHRASES:
        return _PHRASES[metric]
    title = METRICS[metric].title if metric in METRICS else metric
    subject = title[0].lower() + title[1:]
    return _Phrase(
        subject,
        f"{{arm}} is {{share}} above {{base}} in {subject}",
        f"{{arm}} is {{share}} below {{base}} in {subject}",
        f"{{arm}} is at {{ratio}} {{base}} in {subject}",
    )


def difference(comparison: Comparison) -> str:
    """Who differs, by how much: `cookie needs 19.9 % more CPU per request than token`."""
    phrase = _phrase(comparison.metric)
    template = phrase.more if comparison.ratio >= 1 else phrase.less
    share = fmt.percent(abs(comparison.ratio - 1))
    return template.format(arm=comparison.arm, base=comparison.base, share=share)


def _times(comparison: Comparison) -> str:
    times = fmt.times(comparison.ratio)
    return _phrase(comparison.metric).times.format(arm=comparison.arm, base=comparison.base, ratio=times)


def winner(comparison: Comparison) -> str | None:
    """The arm that the verdict is for; None where there is no winner."""
    return {"faster": comparison.arm, "slower": comparison.base}.get(comparison.verdict)


def _head(comparison: Comparison) -> str:
    if won := winner(comparison):
        return f"{won} wins: "
    return "" if comparison.verdict == "not judged" else f"{comparison.verdict}: "


def figures(comparison: Comparison, confidence: float) -> str:
    """How surely: `ratio 1.199, 99 % interval 1.183 to 1.215; noise floor 1.3 %`."""
    floor = comparison.noise_floor
    noise = "" if floor is None else f"; noise floor {fmt.percent(floor)}"
    return f"ratio {fmt.ratio(comparison.ratio)}, {_interval(comparison, confidence)}{noise}"


def _interval(comparison: Comparison, confidence: float) -> str:
    if comparison.ci is None:
        return "no interval from so few instances"
    return f"{fmt.whole_percent(confidence)} interval {fmt.ratio_interval(comparison.ci)}"


def _ci_short(comparison: Comparison, confidence: float) -> str:
    if comparison.ci is None:
        return "no interval"
    return f"{fmt.whole_percent(confidence)} CI {fmt.ratio_interval(comparison.ci)}"
