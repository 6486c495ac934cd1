"""What a gate asks of a run: each question is a figure, its limit, and how sure one may be of it. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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

#: What is judged under saturation: what a request costs, and how long it takes. Tails never are.
_CLOSED: Final = ("total_cpu", "service_p50")
#: Counted, not timed: they are the same on every machine.
_COUNTED: Final = ("store_ops", "request_bytes", "response_bytes")
#: What a count may grow by: lengths of names differ by a byte, and timed tolerances are for time.
_COUNTED_TOLERANCE: Final = 0.01
#: Why a figure is told and not judged.
_EITHER: Final = "a ratio between arms rises also when its base becomes cheaper"
#: The measurements of one scenario, by arm and metric.
Rows = Mapping[tuple[str, str], Measurement]


@dataclass(frozen=True)
class RatioEstimate:
    """What is known of a figure.

    Attributes:
        excess: By how much it is beyond its limit, as a difference, or as one of logarithms for a ratio.
        limit: The limit.
        noise_floor: Half-width, as a fraction, that a ratio's interval would have if nothing had changed.
        sides: The figure before and now, where what is held to the limit is their ratio.
        unit: Of both; empty where they are ratios themselves.
    """

    excess: WeightedSum
    limit: float
    noise_floor: float | None = None
    sides: tuple[float, float] | None = None
    unit: str = ""


@dataclass(frozen=True)
class GateQuestion:
    """One question.

    Attributes:
        kind: What it compares with.
        scenario: Number of the scenario in the suite.
        about: The scenario, its load and parameters, as measurements have them.
        subject: Whom it is about, for people.
        metric: The metric, or what the budget is about.
        figures: The arms and metrics that it rests on.
        is_ratio: Whether the excess is one of logarithms.
        bound: On which side of the limit it is to stay.
        judged: Whether the answer counts, or is there to be read.
        find: The figure, from the rows and the confidence of a noise floor; None where they do not have it.
        is_raw: Whether it is about times, which belong to a machine.
        detail: What a reader should know of it.
    """

    kind: GateKind
    scenario: int
    about: tuple[str, str, Mapping[str, Any]]
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
        """Which have to be measured for it."""
        return frozenset(arm for arm, _ in self.figures)


def gated_metrics(scenario: Scenario, judged: Sequence[str] | frozenset[str]) -> list[str]:
    """What is held to the tolerance in a scenario, of the metrics that it can be judged by."""
    wanted = _CLOSED if scenario.load.model == "closed" else (scenario.primary_metric,)
    return [metric for metric in wanted if metric in judged]


def against_revision(
    suite: Suite, schemes: Sequence[str], judged: Mapping[str, frozenset[str]], tolerance: float
) -> list[GateQuestion]:
    """Each scheme of the working tree against itself at the revision.

    Args:
        suite: What is measured.
        schemes: Those that both trees have; their arms are `SCHEME@base` and `SCHEME@head`.
        judged: What each scenario may be judged by, by its name.
        tolerance: A fraction that is let pass.
    """
    return [
        _revision(index, scenario, scheme, metric, tolerance)
        for index, scenario in enumerate(suite.scenarios)
        for scheme in schemes
        for metric in gated_metrics(scenario, judged[scenario.name])
    ]


def _revision(index: int, scenario: Scenario, scheme: str, metric: str, tolerance: float) -> GateQuestion:
    base, head = f"{scheme}@{BASE}", f"{scheme}@{HEAD}"

    def find(rows: Rows, confidence: float) -> RatioEstimate | None:
        before, after = rows.get((base, metric)), rows.get((head, metric))
        if before is None or after is None:
            return None
        excess = _beyond(ratio_powers(before, after), metric, tolerance)
        if excess is None:
            return None
        floor = stratified_ratio(before.paired(after), confidence).noise_floor
        return RatioEstimate(excess, 1 + tolerance, floor, (before.value, after.value), after.unit)

    return GateQuestion(
        "revision", index, _about(scenario), scheme, metric, frozenset({(base, metric), (head, metric)}), find
    )


def of_budgets(suite: Suite, suffix: str = "") -> list[GateQuestion]:
    """The limits that a suite states; `suffix` is what its arms' names end with in the measurements."""
    return [
        _budget(index, scenario, parse(text), suffix)
        for index, scenario in enumerate(suite.scenarios)
        for text in scenario.budgets
    ]


def _budget(index: int, scenario: Scenario, budget: Budget, suffix: str) -> GateQuestion:
    sign = 1 if budget.bound == "<=" else -1

    def find(rows: Rows, _: float) -> RatioEstimate | None:
        here = {figure: rows.get((figure.arm + suffix, figure.metric)) for figure in budget.figures()}
        known = {figure: row for figure, row in here.items() if row is not None}
        if len(known) < len(here):
            return None
        values = {figure: evaluate(row) for figure, row in known.items()}
        try:
            left, right = budget.left.reckon(values), budget.right.reckon(values)
        except ZeroDivisionError:
            return None
        excess = left.plus(right, -1).times(Dual(sign, {}))
        return RatioEstimate(propagate(excess, known), right.value)

    figures = budget.figures()
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
    """What travels: each arm's cost over the floor's, and what is counted; raw times are there to be read.

    Args:
        suite: What is measured.
        baseline: What was measured then.
        floor: The arm that all are held against; None where the suite has none: then ratios between arms are
            told, and not judged, since one rises also when its base becomes cheaper.
        judged: What each scenario may be judged by, by its name.
        tolerance: A fraction that is let pass.
    """
    questions = []
    for index, scenario in enumerate(suite.scenarios):
        then = {
            (row.arm, row.metric): row
            for row in baseline.measurements
            if (row.scenario, row.load, row.params) == _about(scenario)
        }
        arms = [arm for arm in suite.arms if any(there == arm for there, _ in then)]
        over = [(floor, arm) for arm in arms if arm != floor] if floor in arms else []
        between = [(one, two) for number, one in enumerate(arms) for two in arms[number + 1 :]]
        metrics = gated_metrics(scenario, judged[scenario.name])
        spread = between_batches(_measured(then, over, metrics))
        for metric in metrics:
            for base, arm in over:
                questions.append(_moved(index, scenario, then, metric, (str(base), arm), tolerance, spread))
            for base, arm in between:
                if floor not in (base, arm):
                    questions.append(
                        _moved(index, scenario, then, metric, (base, arm), tolerance, spread, _EITHER)
                    )
            questions += [_raw(index, scenario, then, metric, arm, tolerance) for arm in arms]
        questions += [
            _counted(index, scenario, then, metric, arm)
            for arm in arms
            for metric in _COUNTED
            if (arm, metric) in then
        ]
    return questions


def _moved(
    index: int,
    scenario: Scenario,
    then: Rows,
    metric: str,
    pair: tuple[str, str],
    tolerance: float,
    spread: Spread | None,
    unjudged: str = "",
) -> GateQuestion:
    """How the ratio of two arms moved: whatever moved both alike, such as the machine, falls out.

    Args:
        index: Of the scenario.
        scenario: The same.
        then: The baseline's measurements of it.
        metric: Whose ratio.
        pair: Base and arm.
        tolerance: A fraction that is let pass.
        spread: What such ratios differ by between batches: how much the two times may have in them.
        unjudged: Why the answer does not count; empty where it does.
    """
    base, arm = pair

    def find(rows: Rows, _: float) -> RatioEstimate | None:
        groups: list[Power] = []
        ratios = []
        for sign, there in ((-1, then), (1, rows)):
            one, other = there.get((base, metric)), there.get((arm, metric))
            if one is None or other is None or not (own := ratio_powers(one, other, sign)):
                return None
            groups += own
            ratios.append(other.value / one.value)
        excess = _beyond(groups, metric, tolerance)
        if excess is None:
            return None
        if spread is not None:
            counts = [len(there[base, metric].paired(there[arm, metric])) for there in (then, rows)]
            excess = spread.widened(excess, *counts)
        return RatioEstimate(excess, 1 + tolerance, sides=(ratios[0], ratios[1]))

    return GateQuestion(
        "baseline",
        index,
        _about(scenario),
        f"{arm} / {base}",
        metric,
        frozenset({(base, metric), (arm, metric)}),
        find,
        judged=not unjudged,
        detail=unjudged,
    )


def gaps(suite: Suite, baseline: Result) -> list[str]:
    """What a baseline lacks, so that a gate would pass in silence what it cannot see."""
    found = []
    for scenario in suite.scenarios:
        about = _about(scenario)
        rows = [row for row in baseline.measurements if (row.scenario, row.load, row.params) == about]
        missing = [arm for arm in suite.arms if all(row.arm != arm for row in rows)]
        if missing:
            found.append(f"it has no {', '.join(missing)} in {scenario.label}")
        elif all(len(row.batches) < 2 for row in rows):
            found.append(f"{scenario.label} was measured in one batch, which does not tell how runs differ")
    return found


def _measured(
    rows: Rows, pairs: Sequence[tuple[str | None, str]], metrics: Sequence[str]
) -> list[tuple[Measurement, Measurement]]:
    """The measurements of pairs of arms, in each of these metrics that both have."""
    keys = [((str(base), metric), (arm, metric)) for base, arm in pairs for metric in metrics]
    return [(rows[base], rows[arm]) for base, arm in keys if base in rows and arm in rows]


def _raw(index: int, scenario: Scenario, then: Rows, metric: str, arm: str, tolerance: float) -> GateQuestion:
    def find(rows: Rows, _: float) -> RatioEstimate | None:
        now, before = rows.get((arm, metric)), then.get((arm, metric))
        if now is None or before is None or not (own := powers(now, 1)) or not (was := powers(before, -1)):
            return None
        excess = _beyond([*own, *was], metric, tolerance)
        if excess is None:
            return None
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
        detail="measured at another time, and a machine's hours differ by more than the interval knows",
    )


def _counted(index: int, scenario: Scenario, then: Rows, metric: str, arm: str) -> GateQuestion:
    limit = then[arm, metric].value * (1 + _COUNTED_TOLERANCE)

    def find(rows: Rows, _: float) -> RatioEstimate | None:
        row = rows.get((arm, metric))
        if row is None:
            return None
        figure = MetricTerm(arm, metric)
        excess = Dual(evaluate(row) - limit, {figure: 1.0})
        return RatioEstimate(propagate(excess, {figure: row}), limit)

    return GateQuestion(
        "baseline", index, _about(scenario), arm, metric, frozenset({(arm, metric)}), find, is_ratio=False
    )


def _about(scenario: Scenario) -> tuple[str, str, dict[str, str]]:
    return scenario.name, scenario.load.label, scenario.params


def _beyond(groups: Sequence[Power], metric: str, tolerance: float) -> WeightedSum | None:
    """By how much a ratio, more being worse, is beyond the tolerance; None where there is no ratio."""
    if not groups:
        return None
    better = -1 if METRICS[metric].larger_is_better else 1
    whole = log_contrast([(better * power, points) for power, points in groups])
    return WeightedSum(whole.value - math.log1p(tolerance), whole.error, whole.freedom)
