"""From what was recorded and accounted to measurements, comparisons and distributions. Pure.

Each slot gives one value of CPU, rate and median; an instance's estimate is the median over its slots, so
that a burst of the machine spoils a slot and not the instance. Tails need more requests than a slot has: they
come from an instance's merged histograms.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Any, Final

from harness.estimate import Ratio, geometric_mean, mean, ratio
from harness.recording import Recording, SlotAccount, SlotRecord, merged
from harness.result import METRICS, Comparison, Distribution, Interval, Measurement, Verdict, Vitals
from harness.schedule import Plan, by_arm, split_halves
from harness.suite import Scenario
from harness.verdict import judge

_PERCENTILES: Final = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p999": 99.9}
#: Percentiles that are estimated slot by slot; the others come from merged histograms.
_BY_SLOT: Final = {"p50"}


@dataclass(frozen=True)
class Slot:
    """One slot: what the load generator recorded of all its steps, and what the accountant entered."""

    instance: int
    steps: tuple[SlotRecord, ...]
    account: SlotAccount

    @property
    def requests(self) -> int:
        """Requests of all steps."""
        return sum(step.requests for step in self.steps)


@dataclass(frozen=True)
class Observed:
    """Everything one scenario left: the plan, its recording, the accounts, and memory by instance and arm."""

    scenario: Scenario
    plan: Plan
    recording: Recording
    accounts: Sequence[SlotAccount]
    #: Resident bytes, by instance.
    server_rss: Mapping[int, int]
    #: Bytes of an arm's keys in the store, by arm.
    store_memory: Mapping[str, int]
    #: What every process of the run held over time.
    vitals: Sequence[Vitals] = ()

    def slots(self) -> list[Slot]:
        """The slots that have both a record and an account."""
        steps: dict[int, list[SlotRecord]] = defaultdict(list)
        for record in self.recording.slots:
            steps[record.slot].append(record)
        return [
            Slot(account.instance, tuple(steps[account.slot]), account)
            for account in self.accounts
            if sum(record.requests for record in steps.get(account.slot, []))
        ]

    @property
    def measured_s(self) -> float:
        """Seconds in which requests were being recorded."""
        return sum(slot.steps[0].elapsed_ns for slot in self.slots()) / 1e9


def points(observed: Observed) -> dict[str, dict[int, float]]:
    """Metric to instance to that instance's estimate, for every metric that applies."""
    slots: dict[int, list[Slot]] = defaultdict(list)
    for slot in observed.slots():
        slots[slot.instance].append(slot)
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for instance, own in sorted(slots.items()):
        for metric, value in _instance_estimates(own, open_loop=observed.plan.model == "open"):
            found[metric][instance] = value
        found["server_rss"][instance] = observed.server_rss[instance]
    return dict(found)


def _instance_estimates(slots: Sequence[Slot], *, open_loop: bool) -> Iterable[tuple[str, float]]:
    def over_slots(value: Callable[[Slot], float]) -> float:
        return median(value(slot) for slot in slots)

    requests = sum(slot.requests for slot in slots)
    records = [step for slot in slots for step in slot.steps]
    server = over_slots(lambda slot: slot.account.server_cpu_ns / slot.requests / 1e3)
    operations = sum(slot.account.store_ops for slot in slots) / requests
    # Without operations there is nothing to attribute: what is left is the store's own housekeeping.
    store = over_slots(lambda s: s.account.store_cpu_ns / s.requests / 1e3) if operations else 0.0
    yield "throughput", over_slots(lambda slot: slot.requests / slot.steps[0].elapsed_ns * 1e9)
    yield "server_cpu", server
    yield "store_cpu", store
    yield "total_cpu", server + store
    yield "store_ops", operations
    yield "request_bytes", sum(record.request_bytes for record in records) / requests
    yield "response_bytes", sum(record.response_bytes for record in records) / requests
    yield "error_rate", sum(record.errors for record in records) / requests
    yield "load_cpu", over_slots(lambda slot: slot.steps[0].load_cpu_ns / slot.steps[0].elapsed_ns)
    yield from _latencies("service", [[step.service for step in slot.steps] for slot in slots])
    if open_loop:
        yield from _latencies("response", [[step.response for step in slot.steps] for slot in slots])
        scheduled = sum(record.scheduled for record in records)
        yield "late_arrivals", sum(record.late for record in records) / scheduled
        yield "dropped_arrivals", sum(record.dropped for record in records) / scheduled
        lag = merged(record.lag for record in records if record.lag)
        yield "lag_p99", lag.get_value_at_percentile(99) / 1e3


def _latencies(clock: str, slots: Sequence[Sequence[str]]) -> Iterable[tuple[str, float]]:
    """Percentiles of one clock in microseconds; `slots` has the encoded histograms of every slot."""
    by_slot = [merged(text for text in texts if text) for texts in slots]
    whole = merged(text for texts in slots for text in texts if text)
    for name, percentile in _PERCENTILES.items():
        if name in _BY_SLOT:
            value = median(histogram.get_value_at_percentile(percentile) for histogram in by_slot)
        else:
            value = whole.get_value_at_percentile(percentile)
        yield f"{clock}_{name}", value / 1e3


def measurements(observed: Observed, confidence: float) -> list[Measurement]:
    """One row an arm and metric; metrics that may be zero (`linear`) keep plain means."""
    rows: list[Measurement] = []
    found = points(observed)
    samples: dict[int, int] = defaultdict(int)
    for slot in observed.slots():
        samples[slot.instance] += slot.requests
    for arm, instances in by_arm(observed.plan.targets).items():
        here = [instance for instance in instances if samples[instance]]
        count = sum(samples[instance] for instance in here)
        for metric, values in found.items():
            own = [values[instance] for instance in here if instance in values]
            if own:
                rows.append(_row(observed.scenario, arm, metric, own, count, confidence))
        memory = float(observed.store_memory[arm])
        rows.append(_row(observed.scenario, arm, "store_memory", [memory], count, confidence))
    return rows


def _row(
    scenario: Scenario, arm: str, metric: str, own: list[float], samples: int, confidence: float
) -> Measurement:
    positive = METRICS[metric].scale == "log" and min(own) > 0
    estimate = (geometric_mean if positive else mean)(own, confidence)
    return Measurement(
        scenario=scenario.name,
        load=scenario.load.label,
        arm=arm,
        metric=metric,
        unit=METRICS[metric].unit,
        value=estimate.value,
        ci=_interval(estimate.low, estimate.high),
        instances=len(own),
        points=own,
        samples=samples,
    )


def comparisons(
    rows: Sequence[Measurement], scenario: Scenario, *, confidence: float, margin: float
) -> list[Comparison]:
    """Every pair of arms by every metric that has a ratio, later arm over earlier; verdicts on the primary.

    Args:
        rows: The measurements of this scenario.
        scenario: Names the primary metric.
        confidence: Of the intervals.
        margin: Of equivalence.
    """
    found: list[Comparison] = []
    for metric in dict.fromkeys(row.metric for row in rows if METRICS[row.metric].scale == "log"):
        pairs = list(combinations([row for row in rows if row.metric == metric], 2))
        usable = [
            (b, a) for b, a in pairs if min(b.points + a.points) > 0 and min(b.instances, a.instances) > 1
        ]
        ratios = [ratio(base.points, arm.points, confidence) for base, arm in usable]
        primary = metric == scenario.primary_metric
        verdicts: Sequence[Verdict] = ["not judged"] * len(ratios)
        if primary:
            verdicts = judge(
                ratios,
                confidence=confidence,
                margin=margin,
                larger_is_better=METRICS[metric].larger_is_better,
            )
        for (base, arm), one, verdict in zip(usable, ratios, verdicts, strict=True):
            found.append(_comparison(base, arm, one, primary=primary, verdict=verdict))
    return found


def _comparison(
    base: Measurement, arm: Measurement, one: Ratio, *, primary: bool, verdict: Verdict
) -> Comparison:
    return Comparison(
        scenario=base.scenario,
        load=base.load,
        metric=base.metric,
        base=base.arm,
        arm=arm.arm,
        ratio=one.value,
        ci=(one.low, one.high),
        noise_floor=one.noise_floor,
        primary=primary,
        verdict=verdict,
    )


def a_against_a(row: Measurement, seed: int, confidence: float) -> Ratio | None:
    """One arm's instances against each other, split in halves by the seed; None with fewer than four."""
    first, second = split_halves(range(row.instances), seed)
    if len(first) < 2 or min(row.points) <= 0:
        return None
    return ratio([row.points[i] for i in first], [row.points[i] for i in second], confidence)


def distributions(observed: Observed) -> list[Distribution]:
    """Latency by percentile of every arm, both clocks where there are two."""
    rows: list[Distribution] = []
    clocks: tuple[Any, ...] = ("service", "response") if observed.plan.model == "open" else ("service",)
    for arm, instances in by_arm(observed.plan.targets).items():
        own = [step for slot in observed.slots() if slot.instance in instances for step in slot.steps]
        for clock in clocks:
            whole = merged(text for step in own if (text := getattr(step, clock)))
            rows.append(
                Distribution(
                    scenario=observed.scenario.name,
                    load=observed.scenario.load.label,
                    arm=arm,
                    clock=clock,
                    samples=whole.get_total_count(),
                    points=[
                        (item.percentile_level_iterated_to, item.value_iterated_to / 1e3)
                        for item in whole.get_percentile_iterator(5)
                    ],
                )
            )
    return rows


def server_busy(observed: Observed, arm: str) -> float:
    """Median share of the slot's time in which an arm's server was on its CPU."""
    own = set(by_arm(observed.plan.targets)[arm])
    return median(
        slot.account.server_cpu_ns / slot.steps[0].elapsed_ns
        for slot in observed.slots()
        if slot.instance in own
    )


def _interval(low: float | None, high: float | None) -> Interval:
    return None if low is None or high is None else (low, high)
