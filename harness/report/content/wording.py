"""Comparisons of a result as sentences. Pure.

A comparison keeps the direction of the result file, arm over base, so that readers find the ratio there.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from harness.report.content import format as fmt
from harness.report.content.case import Case
from harness.results.metrics import METRICS
from harness.results.model import Comparison, Result


class _Phrase(NamedTuple):
    """Wording for comparisons of one metric: its name, a sentence, and the words for above and below 1."""

    subject: str
    template: str = "{arm} is {share} {more} {base} in {subject}"
    more: str = "above"
    less: str = "below"


_PHRASES: Final[dict[str, _Phrase]] = {
    "total_cpu": _Phrase(
        "CPU per request", "{arm} needs {share} {more} CPU per request than {base}", "more", "less"
    ),
    "throughput": _Phrase(
        "throughput", "{arm} serves {share} {more} requests per second than {base}", "more", "fewer"
    ),
    "capacity": _Phrase(
        "capacity under the limit",
        "{arm} sustains {share} {more} load under the limit than {base}",
        "more",
        "less",
    ),
    "service_p50": _Phrase(
        "median service time",
        "{arm} has a median service time {share} {more} than {base}",
        "longer",
        "shorter",
    ),
}


def metric_title(metric: str) -> str:
    """Return the title of a metric; of a metric that this version does not know, its name."""
    return METRICS[metric].title if metric in METRICS else metric


def metric_name(metric: str) -> str:
    """Return the title of a metric as it is written within a sentence."""
    title = metric_title(metric)
    return title[:1].lower() + title[1:]


def headline(case: Case, metric: str) -> str | None:
    """Return one line that names the winner, for a chart's title; None without a comparison.

    Of several pairs the first without the no-auth server is used.
    """
    comparison = next(iter(case.comparisons(metric)), None)
    if comparison is None:
        return None
    won, verdict = winner(comparison), comparison.verdict
    head = f"{won} wins: " if won else "" if verdict == "not judged" else f"{verdict}: "
    interval = _interval(comparison, case.result.run.comparisons_confidence)
    return f"{head}{difference(comparison)} ({case.name}, {interval})"


def sentence(comparison: Comparison, result: Result) -> str:
    """Return one comparison as a sentence: the schemes, the difference, its interval, and the verdict."""
    pair, subject = f"{comparison.arm} and {comparison.base}", _phrase(comparison.metric).subject
    confidence = result.run.comparisons_confidence
    estimated, precision = estimate(comparison, confidence), _precision(comparison, confidence)
    margin = fmt.whole_percent(result.run.margin)
    match comparison.verdict:
        case "equivalent":
            return f"{pair} are equivalent in {subject}, within the margin of {margin} ({estimated})."
        case "inconclusive":
            return (
                f"{pair} in {subject}: inconclusive ({estimated}). Neither a difference nor equivalence"
                f" within {margin} is shown; more server processes would narrow the interval."
            )
        case "not judged":
            return f"{difference(comparison)} ({precision}): no verdict."
        case _:
            return f"{difference(comparison)} ({precision}): verdict {comparison.verdict}."


def sentences(case: Case) -> list[str]:
    """Return the sentences about the primary metric of a case; none if the run is invalid."""
    if not case.result.valid:
        return []
    return [sentence(row, case.result) for row in case.comparisons() if row.primary]


def arrivals(case: Case) -> list[str]:
    """Return how well an open loop kept its schedule, for the worst scheme; nothing in a closed loop."""
    measured = [case.measured(metric) for metric in ("late_arrivals", "dropped_arrivals", "lag_p99")]
    if not all(measured):
        return []
    late, dropped, lag = (max(row.value for row in rows) for rows in measured)
    kept = f"{fmt.percent(late)} late, {fmt.percent(dropped)} dropped, {fmt.number(lag)} µs behind schedule"
    return [f"Arrivals, worst scheme: {kept} at the 99th percentile."]


def _phrase(metric: str) -> _Phrase:
    return _PHRASES.get(metric, _Phrase(metric_name(metric)))


def difference(comparison: Comparison) -> str:
    """Return the difference as a clause: `cookie needs 19.9 % more CPU per request than token`."""
    phrase = _phrase(comparison.metric)
    return phrase.template.format(
        arm=comparison.arm,
        base=comparison.base,
        share=fmt.percent(abs(comparison.ratio - 1)),
        more=phrase.more if comparison.ratio >= 1 else phrase.less,
        subject=phrase.subject,
    )


def winner(comparison: Comparison) -> str | None:
    """Return the better arm by the verdict; None without a winner."""
    return {"faster": comparison.arm, "slower": comparison.base}.get(comparison.verdict)


def estimate(comparison: Comparison, confidence: float) -> str:
    """Return the change and its precision.

    `+19.9 %, 99 % CI +18.3 to +21.5 %, minimum detectable difference 1.3 %`
    """
    return f"{fmt.change(comparison.ratio)}, {_precision(comparison, confidence)}"


def _precision(comparison: Comparison, confidence: float) -> str:
    floor = comparison.noise_floor
    noise = "" if floor is None else f", minimum detectable difference {fmt.percent(floor)}"
    return f"{_interval(comparison, confidence)}{noise}"


def _interval(comparison: Comparison, confidence: float) -> str:
    if comparison.ci is None:
        return "too few server processes for an interval"
    return f"{fmt.whole_percent(confidence)} CI {fmt.change_interval(comparison.ci)}"
