"""Rows, ratios and calculated values that claims read from their common run. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from harness.analysis.stats.propagation import evaluate, propagate
from harness.results.claims import ClaimFigure, Outcome
from harness.studies.claims.claim import SUITE, figure
from harness.suites.expressions import expression

if TYPE_CHECKING:
    from harness.results.model import Comparison, Measurement, Result
    from harness.studies.lab import Lab
    from harness.suites.expressions import MetricTerm

#: Scenario of restricted reads under saturation, and the metric that is compared there.
READS: Final = "saturation"
METRIC: Final = "total_cpu"


def measured(judge: Callable[[Result], Outcome]) -> Callable[[Lab], Outcome]:
    """Return the function that tests a claim by the run of its suite."""
    return lambda lab: judge(lab.measured(SUITE))


def comparison(result: Result, base: str, arm: str, scenario: str = READS) -> Comparison:
    """Return the comparison of the CPU per request of two arms."""
    return next(
        row
        for row in result.comparisons
        if (row.scenario, row.metric, row.base, row.arm) == (scenario, METRIC, base, arm)
    )


def describe_comparison(row: Comparison) -> ClaimFigure:
    """Return a comparison as a figure of an answer."""
    return figure(f"CPU per request, {row.arm} / {row.base} ({row.scenario})", row.ratio, ci=row.ci)


def rows(result: Result, scenario: str = READS) -> dict[str, Measurement]:
    """Return the CPU per request of each arm."""
    return {row.arm: row for row in result.measurements if (row.scenario, row.metric) == (scenario, METRIC)}


def interval(figure: ClaimFigure) -> tuple[float, float]:
    """Return the interval of a figure; without one, its value twice."""
    return figure.ci or (figure.value, figure.value)


def calculated(
    name: str, text: str, by_arm: Mapping[str, Measurement], result: Result, unit: str = ""
) -> ClaimFigure:
    """Return the value of an expression over arms, such as `token-denylist.total_cpu - token.total_cpu`.

    Args:
        name: Name of the figure.
        text: The expression.
        by_arm: Measurement to use for each arm.
        result: Result with the confidence of the interval.
        unit: Unit of the figure.
    """
    node = expression(text)
    terms: dict[MetricTerm, Measurement] = {term: by_arm[term.arm] for term in node.figures()}
    estimate = propagate(node.evaluate({term: evaluate(row) for term, row in terms.items()}), terms)
    return figure(name, estimate.value, unit, estimate.interval(result.run.comparisons_confidence))
