"""Turns observations into measurements, comparisons and distributions. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any, Final

from harness.analysis.observation import Observation, arms, by_instance
from harness.analysis.per_instance import instance_estimates, step_points
from harness.analysis.stats.estimate import Ratio, geometric_mean, mean, ratio, stratified_ratio
from harness.analysis.stats.verdict import judge
from harness.protocol.clocks import Clock
from harness.protocol.plan import split_halves
from harness.protocol.recording import merged
from harness.results.base import Verdict
from harness.results.metrics import METRICS
from harness.results.model import Comparison, Distribution, Measurement
from harness.suites.model import Scenario

_CLOCKS: Final[tuple[Clock, ...]] = ("service", "response")


def measurements(observed: Observation, confidence: float) -> list[Measurement]:
    """Return one row per arm and metric; metrics that may be zero (`linear`) have arithmetic means.

    If the scenario has several steps, rows of each follow, with the step among their parameters.
    """
    scenario = observed.scenario
    # Values per arm are entered under its first instance; arms on other machines have none.
    first = {arm: instances[0] for arm, instances in arms(observed).items() if arm in observed.store_memory}
    longest = observed.longest_profile
    estimates = instance_estimates(observed) | {
        "store_memory": {instance: observed.store_memory[arm] for arm, instance in first.items()},
        "longest_profile": {instance: longest[arm] for arm, instance in first.items() if arm in longest},
        "store_rtt": dict.fromkeys(first.values(), observed.store_rtt_us),
    }
    rows = list(_rows(observed, estimates, scenario.params, None, confidence))
    steps = observed.steps()
    for step in steps if len(steps) > 1 else []:
        params = scenario.params | {"step": step}
        rows += _rows(observed, step_points(observed, step), params, step, confidence)
    return rows


def _rows(
    observed: Observation,
    estimates: Mapping[str, Mapping[int, float]],
    params: dict[str, Any],
    step: str | None,
    confidence: float,
) -> Iterator[Measurement]:
    """Yield the rows of the whole scenario or of one step, arm by arm."""
    scenario, slots = observed.scenario, by_instance(observed)
    for arm, instances in arms(observed).items():
        records = [record for i in instances for slot in slots[i] for record in slot.records]
        samples = sum(record.requests for record in records if step in (None, record.step))
        for metric, values in estimates.items():
            measured = [instance for instance in instances if instance in values]
            if not measured:
                continue
            points = [float(values[instance]) for instance in measured]
            counts = Counter(map(observed.batch, measured))
            batches = [counts[batch] for batch in range(observed.batches)] if observed.batches > 1 else []
            positive = METRICS[metric].scale == "log" and min(points) > 0
            estimate = (geometric_mean if positive else mean)(points, confidence, batches)
            yield Measurement(
                scenario=scenario.name,
                load=scenario.load.label,
                params=params,
                arm=arm,
                metric=metric,
                unit=METRICS[metric].unit,
                value=estimate.value,
                ci=estimate.ci,
                instances=len(points),
                points=points,
                samples=samples,
                batches=batches,
            )


def comparisons(
    rows: Sequence[Measurement],
    scenario: Scenario,
    *,
    confidence: float,
    margin: float,
    among: Sequence[tuple[str, str]] | None = None,
) -> list[Comparison]:
    """Return comparisons of all pairs of arms, later over earlier, with verdicts on the primary metric.

    Args:
        rows: Measurements of this scenario.
        scenario: Scenario with the primary metric.
        confidence: Confidence level of the intervals.
        margin: Equivalence margin, as a fraction.
        among: Pairs to compare, base first; None for all pairs.
    """
    result: list[Comparison] = []
    for metric, params in _compared(rows):
        rows_of_metric = [row for row in rows if (row.metric, row.params) == (metric, params)]
        usable = [
            (base, arm)
            for base, arm in _pairs(rows_of_metric, among)
            if min(base.points + arm.points) > 0 and _has_spread(base, arm)
        ]
        ratios = [stratified_ratio(base.paired(arm), confidence) for base, arm in usable]
        primary = metric == scenario.primary_metric and params == scenario.params
        verdicts: Sequence[Verdict] = ["not judged"] * len(ratios)
        if primary:
            better = METRICS[metric].larger_is_better
            verdicts = judge(ratios, confidence=confidence, margin=margin, larger_is_better=better)
        result += [
            Comparison(
                scenario=base.scenario,
                load=base.load,
                params=params,
                metric=metric,
                base=base.arm,
                arm=arm.arm,
                ratio=quotient.value,
                ci=quotient.ci,
                noise_floor=quotient.noise_floor,
                primary=primary,
                verdict=verdict,
            )
            for (base, arm), quotient, verdict in zip(usable, ratios, verdicts, strict=True)
        ]
    return result


def _pairs(
    rows: Sequence[Measurement], among: Sequence[tuple[str, str]] | None
) -> Iterable[tuple[Measurement, Measurement]]:
    """Return pairs of rows of one metric: the given pairs of arms, or all pairs."""
    if among is None:
        return combinations(rows, 2)
    by_arm = {row.arm: row for row in rows}
    return [(by_arm[base], by_arm[arm]) for base, arm in among if base in by_arm and arm in by_arm]


def _has_spread(base: Measurement, arm: Measurement) -> bool:
    """Whether both have two instances or more in each batch that has both."""
    return min((len(group) for pair in base.paired(arm) for group in pair), default=0) > 1


def _compared(rows: Sequence[Measurement]) -> list[tuple[str, dict[str, Any]]]:
    """Return the (metric, params) pairs that have a ratio, in the order of the rows."""
    pairs: list[tuple[str, dict[str, Any]]] = []
    for row in rows:
        if METRICS[row.metric].scale == "log" and (row.metric, row.params) not in pairs:
            pairs.append((row.metric, row.params))
    return pairs


def aa_test(row: Measurement, seed: int, confidence: float) -> Ratio | None:
    """Return the ratio of two random halves of one arm's instances; None with fewer than four instances."""
    first, second = split_halves(range(row.instances), seed)
    if len(first) < 2 or min(row.points) <= 0:
        return None
    return ratio([row.points[i] for i in first], [row.points[i] for i in second], confidence)


def distributions(observed: Observation) -> list[Distribution]:
    """Return latency by percentile of every arm and step, for each clock that ran."""
    rows: list[Distribution] = []
    scenario, steps, slots = observed.scenario, observed.steps(), by_instance(observed)
    for step in steps:
        params = scenario.params | ({"step": step} if len(steps) > 1 else {})
        for (arm, instances), clock in product(arms(observed).items(), _CLOCKS):
            parts = [slot.step(step) for instance in instances for slot in slots[instance]]
            texts = [text for part in parts for text in part.histograms(clock)]
            if texts:
                whole = merged(texts)
                points = [
                    (item.percentile_level_iterated_to, item.value_iterated_to / 1e3)
                    for item in whole.get_percentile_iterator(5)
                ]
                rows.append(
                    Distribution(
                        scenario=scenario.name,
                        load=scenario.load.label,
                        params=params,
                        arm=arm,
                        clock=clock,
                        samples=whole.get_total_count(),
                        points=points,
                    )
                )
    return rows
