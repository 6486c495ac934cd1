"""What claims read from the run that is made once for all of them: rows, ratios, what they come to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from harness.analysis.stats.propagation import evaluate, propagate
from harness.results.claims import ClaimFigure, Outcome
from harness.studies.suites import SUITE
from harness.suites.expressions import expression

if TYPE_CHECKING:
    from harness.results.model import Comparison, Measurement, Result
    from harness.studies.lab import Lab
    from harness.suites.expressions import MetricTerm as Asked

#: Its restricted reads under saturation; what is compared there.
READS: Final = "saturation"
METRIC: Final = "total_cpu"


def measured(judge: Callable[[Result], Outcome]) -> Callable[[Lab], Outcome]:
    """The experiment of a claim that is read from the suite's run."""

    def run(lab: Lab) -> Outcome:
        return judge(lab.measured(SUITE))

    return run


def comparison(result: Result, base: str, arm: str, scenario: str = READS) -> Comparison:
    """Of the CPU that two arms need for a request."""
    return next(
        row
        for row in result.comparisons
        if (row.scenario, row.metric, row.base, row.arm) == (scenario, METRIC, base, arm)
    )


def describe_comparison(one: Comparison) -> ClaimFigure:
    """A comparison as an answer has it."""
    return ClaimFigure(
        name=f"CPU per request, {one.arm} / {one.base} ({one.scenario})", value=one.ratio, ci=one.ci
    )


def rows(result: Result, scenario: str = READS) -> dict[str, Measurement]:
    """The CPU that each arm needs for a request."""
    return {row.arm: row for row in result.measurements if (row.scenario, row.metric) == (scenario, METRIC)}


def reckoned(
    name: str, text: str, by_arm: Mapping[str, Measurement], result: Result, unit: str = ""
) -> ClaimFigure:
    """What an expression over arms comes to, such as `token-denylist.total_cpu - token.total_cpu`.

    Args:
        name: Of the figure.
        text: The expression.
        by_arm: The measurement that stands for each arm in it.
        result: Names the confidence.
        unit: Of the figure.
    """
    node = expression(text)
    asked: dict[Asked, Measurement] = {figure: by_arm[figure.arm] for figure in node.figures()}
    whole = propagate(node.reckon({figure: evaluate(row) for figure, row in asked.items()}), asked)
    return ClaimFigure(
        name=name, value=whole.value, unit=unit, ci=whole.interval(result.run.comparisons_confidence)
    )
