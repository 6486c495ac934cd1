"""Questions of a gate to a run: each has a figure, its limit and its confidence interval. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Final, Literal

from harness.analysis.stats.contrasts import Power, powers, ratio_powers
from harness.analysis.stats.estimate import WeightedSum, log_contrast, stratified_ratio
from harness.analysis.stats.propagation import evaluate, propagate
from harness.gate.between_batches import Spread, between_batches
from harness.results.gate import GateKind
from harness.results.metrics import METRICS
from harness.results.model import Measurement, Result
from harness.suites.arms import BASE, HEAD
from harness.suites.expressions import Budget, Dual, MetricTerm, parse
from harness.suites.model import Scenario, Suite

#: Metrics with verdicts under saturation: cost and duration of a request. Tails never have verdicts.
_CLOSED: Final = ("total_cpu", "service_p50")
#: Metrics that are counted, not timed: they are the same on every machine.
_COUNTED: Final = ("store_ops", "request_bytes", "response_bytes")
#: Tolerated growth of a count: lengths of names differ by a byte, and other tolerances are for times.
_COUNTED_TOLERANCE: Final = 0.01
#: Reason why a ratio between schemes is shown without a verdict.
_AMBIGUOUS: Final = "a ratio between schemes also rises when its base becomes cheaper"
#: Name of a scenario, its load and parameters, as in measurements.
About = tuple[str, str, Mapping[str, Any]]
#: Measurements of one scenario, by arm and metric.
Rows = Mapping[tuple[str, str], Measurement]


@dataclass(frozen=True)
class RatioEstimate:
    """Estimate of a figure relative to its limit.

    Attributes:
        excess: Amount beyond the limit, as a difference; of logarithms for a ratio.
        limit: Limit of the figure.
        noise_floor: Half-width, as a fraction, that a ratio's interval would have if nothing had changed.
        sides: Figure before and now, if the limit applies to their ratio.
        unit: Unit of both sides; empty if they are ratios.
    """

    excess: WeightedSum
    limit: float
    noise_floor: float | None = None
    sides: tuple[float, float] | None = None
    unit: str = ""


@dataclass(frozen=True)
class GateQuestion:
    """Question whether one figure is within its limit.

    Attributes:
        kind: Kind of reference.
        scenario: Index of the scenario in the suite.
        about: Name, load and parameters of the scenario.
        subject: Arm, pair of arms or budget, as text for people.
        metric: Metric, or metrics of the budget.
        figures: Arms and metrics that it depends on.
        is_ratio: Whether the excess is a difference of logarithms.
        bound: Side of the limit on which the figure must be.
        judged: Whether it has a verdict, or is shown without one.
        find: Function that returns the figure from the rows of `figures` and the confidence of a noise floor;
            None if it cannot be calculated.
        is_raw: Whether it is about times, which are specific to a machine.
        detail: Note for the reader.
    """

    kind: GateKind
    scenario: int
    about: About
    subject: str
    metric: str
    figures: frozenset[tuple[str, str]]
    find: Callable[[Rows, float], RatioEstimate | None]
    is_ratio: bool = True
    bound: Literal["<=", ">="] = "<="
    judged: bool = True
    is_raw: bool = False
    detail: str = ""

    @property
    def arms(self) -> frozenset[str]:
        """Return the arms that have to be measured for it."""
        return frozenset(arm for arm, _ in self.figures)


def gated_metrics(scenario: Scenario, judged: Sequence[str] | frozenset[str]) -> list[str]:
    """Return the metrics of a scenario that must be within the tolerance, of those that may have verdicts."""
    wanted = _CLOSED if scenario.load.model == "closed" else (scenario.primary_metric,)
    return [metric for metric in wanted if metric in judged]


def against_revision(
    suite: Suite, schemes: Sequence[str], judged: Mapping[str, frozenset[str]], tolerance: float
) -> list[GateQuestion]:
    """Return questions that compare each scheme of the working tree with itself at the revision.

    Args:
        suite: Suite that is measured.
        schemes: Schemes that both trees have; their arms are `SCHEME@base` and `SCHEME@head`.
        judged: Metrics that may have verdicts, by scenario name.
        tolerance: Tolerated slowdown, as a fraction.
    """
    return [
        _revision(index, scenario, scheme, metric, tolerance)
        for index, scenario in enumerate(suite.scenarios)
        for scheme in schemes
        for metric in gated_metrics(scenario, judged[scenario.name])
    ]


def _revision(index: int, scenario: Scenario, scheme: str, metric: str, tolerance: float) -> GateQuestion:
    base, head = (f"{scheme}@{BASE}", metric), (f"{scheme}@{HEAD}", metric)

    def find(rows: Rows, confidence: float) -> RatioEstimate | None:
        before, after = rows[base], rows[head]
        if not (groups := ratio_powers(before, after)):
            return None
        floor = stratified_ratio(before.paired(after), confidence).noise_floor
        sides = before.value, after.value
        return RatioEstimate(_beyond(groups, metric, tolerance), 1 + tolerance, floor, sides, after.unit)

    return GateQuestion("revision", index, _about(scenario), scheme, metric, frozenset({base, head}), find)


def of_budgets(suite: Suite, suffix: str = "") -> list[GateQuestion]:
    """Return questions for the budgets of a suite; `suffix` ends its arms' names in the measurements."""
    return [
        _budget(index, scenario, parse(text), suffix)
        for index, scenario in enumerate(suite.scenarios)
        for text in scenario.budgets
    ]


def _budget(index: int, scenario: Scenario, budget: Budget, suffix: str) -> GateQuestion:
    sign = 1 if budget.bound == "<=" else -1
    figures = budget.figures()

    def find(rows: Rows, _: float) -> RatioEstimate | None:
        known = {figure: rows[figure.arm + suffix, figure.metric] for figure in figures}
        values = {figure: evaluate(row) for figure, row in known.items()}
        try:
            left, right = budget.left.evaluate(values), budget.right.evaluate(values)
        except ZeroDivisionError:
            return None
        excess = (left - right) * Dual(sign)
        return RatioEstimate(propagate(excess, known), right.value)

    return GateQuestion(
        "budget",
        index,
        _about(scenario),
        budget.text,
        ", ".join(dict.fromkeys(figure.metric for figure in figures)),
        frozenset((figure.arm + suffix, figure.metric) for figure in figures),
        find,
        is_ratio=False,
        bound=budget.bound,
    )


def against_baseline(
    suite: Suite,
    baseline: Result,
    floor: str | None,
    judged: Mapping[str, frozenset[str]],
    tolerance: float,
) -> list[GateQuestion]:
    """Return questions about what transfers between machines: cost over the no-auth server's, and counts.

    Raw times have no verdict.

    Args:
        suite: Suite that is measured.
        baseline: Result of the baseline.
        floor: No-auth arm that all others are compared with; None if the suite has none. Ratios between other
            arms have no verdict, since they also rise when their base becomes cheaper.
        judged: Metrics that may have verdicts, by scenario name.
        tolerance: Tolerated slowdown, as a fraction.
    """
    questions = []
    for index, scenario in enumerate(suite.scenarios):
        then = rows_about(_about(scenario), baseline.measurements)
        measured = {arm for arm, _ in then}
        arms = [arm for arm in suite.arms if arm in measured]
        over = [(floor, arm) for arm in arms if arm != floor] if floor is not None and floor in arms else []
        between = [pair for pair in combinations(arms, 2) if floor not in pair]
        metrics = gated_metrics(scenario, judged[scenario.name])
        keys = [((base, metric), (arm, metric)) for base, arm in over for metric in metrics]
        spread = between_batches((then[base], then[arm]) for base, arm in keys if {base, arm} <= then.keys())
        for metric in metrics:
            for pairs, unjudged in ((over, ""), (between, _AMBIGUOUS)):
                questions += [
                    _change(index, scenario, then, metric, pair, tolerance, spread, unjudged)
                    for pair in pairs
                ]
            questions += [_raw(index, scenario, then, metric, arm, tolerance) for arm in arms]
        questions += [
            _counted(index, scenario, then, metric, arm)
            for arm in arms
            for metric in _COUNTED
            if (arm, metric) in then
        ]
    return questions


def _change(
    index: int,
    scenario: Scenario,
    then: Rows,
    metric: str,
    pair: tuple[str, str],
    tolerance: float,
    spread: Spread | None,
    unjudged: str,
) -> GateQuestion:
    """Return a question about the change of a ratio of two arms; effects on both, as of the machine, cancel.

    Args:
        index: Index of the scenario in the suite.
        scenario: Scenario.
        then: Measurements of the scenario in the baseline.
        metric: Metric of the ratio.
        pair: Base and arm.
        tolerance: Tolerated slowdown, as a fraction.
        spread: Spread of such ratios between batches, which the change may include.
        unjudged: Reason why it has no verdict; empty if it has one.
    """
    base, arm = ((name, metric) for name in pair)
    figures = frozenset({base, arm})

    def find(rows: Rows, _: float) -> RatioEstimate | None:
        if not figures <= then.keys():
            return None
        before, now = (then[base], then[arm]), (rows[base], rows[arm])
        of_before, of_now = ratio_powers(*before, -1), ratio_powers(*now)
        if not of_before or not of_now:
            return None
        excess = _beyond([*of_before, *of_now], metric, tolerance)
        if spread is not None:
            excess = spread.widened(excess, len(before[0].paired(before[1])), len(now[0].paired(now[1])))
        sides = before[1].value / before[0].value, now[1].value / now[0].value
        return RatioEstimate(excess, 1 + tolerance, sides=sides)

    subject = f"{pair[1]} / {pair[0]}"
    about = _about(scenario)
    return GateQuestion(
        "baseline", index, about, subject, metric, figures, find, judged=not unjudged, detail=unjudged
    )


def gaps(suite: Suite, baseline: Result) -> list[str]:
    """Return what a baseline lacks; without it a gate would silently pass what it cannot check."""
    missing_parts = []
    for scenario in suite.scenarios:
        rows = rows_about(_about(scenario), baseline.measurements)
        measured = {arm for arm, _ in rows}
        if missing_arms := [arm for arm in suite.arms if arm not in measured]:
            missing_parts.append(f"it has no {', '.join(missing_arms)} in {scenario.label}")
        elif all(len(row.batches) < 2 for row in rows.values()):
            missing_parts.append(
                f"{scenario.label} was measured in one batch, which does not show how runs differ"
            )
    return missing_parts


def _raw(index: int, scenario: Scenario, then: Rows, metric: str, arm: str, tolerance: float) -> GateQuestion:
    def find(rows: Rows, _: float) -> RatioEstimate | None:
        now, before = rows[arm, metric], then.get((arm, metric))
        if before is None or not (of_now := powers(now, 1)) or not (of_before := powers(before, -1)):
            return None
        excess = _beyond([*of_now, *of_before], metric, tolerance)
        return RatioEstimate(excess, 1 + tolerance, sides=(before.value, now.value), unit=now.unit)

    return GateQuestion(
        "baseline",
        index,
        _about(scenario),
        arm,
        metric,
        frozenset({(arm, metric)}),
        find,
        judged=False,
        is_raw=True,
        detail="measured at another time, and the machine's speed varies by more than the interval includes",
    )


def _counted(index: int, scenario: Scenario, then: Rows, metric: str, arm: str) -> GateQuestion:
    limit = then[arm, metric].value * (1 + _COUNTED_TOLERANCE)

    def find(rows: Rows, _: float) -> RatioEstimate:
        row, figure = rows[arm, metric], MetricTerm(arm, metric)
        excess = Dual(evaluate(row) - limit, {figure: 1.0})
        return RatioEstimate(propagate(excess, {figure: row}), limit)

    return GateQuestion(
        "baseline", index, _about(scenario), arm, metric, frozenset({(arm, metric)}), find, is_ratio=False
    )


def rows_about(about: About, measurements: Iterable[Measurement]) -> Rows:
    """Return the measurements of a scenario."""
    return {
        (row.arm, row.metric): row for row in measurements if (row.scenario, row.load, row.params) == about
    }


def _about(scenario: Scenario) -> About:
    return scenario.name, scenario.load.label, scenario.params


def _beyond(groups: Sequence[Power], metric: str, tolerance: float) -> WeightedSum:
    """Return the amount by which a ratio (more is worse) exceeds the tolerance."""
    better = -1 if METRICS[metric].larger_is_better else 1
    whole = log_contrast([(better * power, points) for power, points in groups])
    return replace(whole, value=whole.value - math.log1p(tolerance))
