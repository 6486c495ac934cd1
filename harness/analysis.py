"""From what was recorded and accounted to measurements, comparisons and distributions. Pure.

Each slot gives one value of CPU, rate and median; an instance's estimate is the median over its slots, so
that a burst of the machine spoils a slot and not the instance. Tails need more requests than a slot has: they
come from an instance's merged histograms.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median
from typing import Any, Final

from harness.clocks import Clock
from harness.estimate import Ratio, geometric_mean, mean, ratio
from harness.recording import Recording, SlotAccount, SlotRecord, merged
from harness.result import METRICS, Comparison, Distribution, Interval, Measurement, Verdict, Vitals
from harness.schedule import Plan, by_arm, split_halves
from harness.suite import Scenario
from harness.verdict import judge

_PERCENTILES: Final = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p999": 99.9}
#: Percentiles that are estimated slot by slot; the others come from merged histograms.
_BY_SLOT: Final = {"p50"}
_CLOCKS: Final[tuple[Clock, ...]] = ("service", "response")


@dataclass(frozen=True)
class Slot:
    """One slot: what each load process recorded of each step, and what the accountant entered."""

    instance: int
    records: tuple[SlotRecord, ...]
    account: SlotAccount

    @property
    def requests(self) -> int:
        """Requests of all steps."""
        return sum(record.requests for record in self.records)

    @property
    def elapsed_ns(self) -> int:
        """From the first send allowed to the last answer that any load process read."""
        return max(record.elapsed_ns for record in self.records)

    @property
    def load_cpu(self) -> float:
        """The busiest load process's share of its CPU."""
        by_process: dict[int, int] = defaultdict(int)
        for record in self.records:
            by_process[record.process] += record.load_cpu_ns
        return max(by_process.values()) / self.elapsed_ns

    @property
    def load_wait(self) -> float:
        """The share of the slot in which the worst load process wanted its CPU and did not get it."""
        by_process: dict[int, int] = defaultdict(int)
        for record in self.records:
            by_process[record.process] += record.load_wait_ns
        return max(by_process.values()) / self.elapsed_ns

    @property
    def server_wait(self) -> float:
        """The same of the server; its store and its own other threads on its CPU are no others."""
        store_ns = max(0.0, self.account.store_cpu_ns)
        taken_ns = self.elapsed_ns - self.account.server_cpu_ns - store_ns
        return max(0.0, min(self.account.server_wait_ns - store_ns, taken_ns)) / self.elapsed_ns

    def step(self, name: str) -> list[SlotRecord]:
        """What was recorded of one step."""
        return [record for record in self.records if record.step == name]


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
        """The slots that have both a record and an account; of a search those around what it found."""
        records: dict[int, list[SlotRecord]] = defaultdict(list)
        begin = self._settled_from()
        for record in self.recording.slots:
            if record.slot >= begin.get(record.instance, 0):
                records[record.slot].append(record)
        return [
            Slot(account.instance, tuple(records[account.slot]), account)
            for account in self.accounts
            if sum(record.requests for record in records.get(account.slot, []))
        ]

    def _settled_from(self) -> dict[int, int]:
        """By instance, the slot after the last one in which its search was on its way."""
        return {record.instance: record.slot + 1 for record in self.recording.slots if not record.settled}

    def steps(self) -> list[str]:
        """The steps of the scenario, in the order in which they were first taken."""
        return list(dict.fromkeys(record.step for record in self.recording.slots))

    @property
    def measured_s(self) -> float:
        """Seconds in which requests were being recorded."""
        return sum(slot.elapsed_ns for slot in self.slots()) / 1e9


def points(observed: Observed) -> dict[str, dict[int, float]]:
    """Metric to instance to that instance's estimate, for every metric that applies to the whole scenario.

    Latencies do not where it has several steps: a mixture of logins and reads is nobody's waiting time.
    """
    mixed = len(observed.steps()) > 1
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for instance, own in _by_instance(observed).items():
        records = [record for slot in own for record in slot.records]
        estimates = [*_costs(own), *_sizes(records)]
        if not mixed:
            estimates += _clocks([slot.records for slot in own])
        if observed.plan.limit_ns:
            estimates.append(("capacity", math.exp(fmean(math.log(record.rate) for record in records))))
        elif observed.plan.model == "open":
            estimates += _punctuality(records)
        for metric, value in estimates:
            found[metric][instance] = value
        found["server_rss"][instance] = observed.server_rss[instance]
    return dict(found)


def step_points(observed: Observed, step: str) -> dict[str, dict[int, float]]:
    """Metric to instance to that instance's estimate, for every metric that applies to one step by itself."""
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for instance, own in _by_instance(observed).items():
        slots = [records for slot in own if (records := slot.step(step))]
        if slots:
            for metric, value in [*_sizes([r for records in slots for r in records]), *_clocks(slots)]:
                found[metric][instance] = value
    return dict(found)


def _by_instance(observed: Observed) -> dict[int, list[Slot]]:
    slots: dict[int, list[Slot]] = defaultdict(list)
    for slot in observed.slots():
        slots[slot.instance].append(slot)
    return dict(sorted(slots.items()))


def _costs(slots: Sequence[Slot]) -> Iterable[tuple[str, float]]:
    """What a request cost, and how many were served; known for whole slots only."""

    def over_slots(value: Callable[[Slot], float]) -> float:
        return median(value(slot) for slot in slots)

    server = over_slots(lambda slot: slot.account.server_cpu_ns / slot.requests / 1e3)
    operations = sum(slot.account.store_ops for slot in slots) / sum(slot.requests for slot in slots)
    # Without operations there is nothing to attribute: what is left is the store's own housekeeping.
    store = over_slots(lambda s: s.account.store_cpu_ns / s.requests / 1e3) if operations else 0.0
    yield "throughput", over_slots(lambda slot: slot.requests / slot.elapsed_ns * 1e9)
    yield "server_cpu", server
    yield "store_cpu", store
    yield "total_cpu", server + store
    yield "store_ops", operations
    yield "load_cpu", over_slots(lambda slot: slot.load_cpu)


def _sizes(records: Sequence[SlotRecord]) -> Iterable[tuple[str, float]]:
    requests = sum(record.requests for record in records)
    yield "request_bytes", sum(record.request_bytes for record in records) / requests
    yield "response_bytes", sum(record.response_bytes for record in records) / requests
    yield "error_rate", sum(record.errors for record in records) / requests


def _clocks(slots: Sequence[Sequence[SlotRecord]]) -> Iterable[tuple[str, float]]:
    """Percentiles of both clocks, of those that ran."""
    yield from _latencies("service", [[record.service for record in records] for records in slots])
    scheduled = [[r.response for r in records] for records in slots if any(r.response for r in records)]
    if scheduled:
        yield from _latencies("response", scheduled)


def _punctuality(records: Sequence[SlotRecord]) -> Iterable[tuple[str, float]]:
    scheduled = sum(record.scheduled for record in records)
    yield "late_arrivals", sum(record.late for record in records) / scheduled
    yield "dropped_arrivals", sum(record.dropped for record in records) / scheduled
    yield "lag_p99", merged(record.lag for record in records if record.lag).get_value_at_percentile(99) / 1e3


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
    """One row an arm and metric; metrics that may be zero (`linear`) keep plain means.

    Where the scenario has several steps, rows of each follow, with the step among their parameters.
    """
    scenario = observed.scenario
    # One figure an arm, entered under its first instance.
    memory = {instances[0]: observed.store_memory[arm] for arm, instances in _arms(observed).items()}
    found = points(observed) | {"store_memory": memory}
    rows = _rows(observed, found, scenario.params, None, confidence)
    steps = observed.steps()
    for step in steps if len(steps) > 1 else []:
        params = scenario.params | {"step": step}
        rows += _rows(observed, step_points(observed, step), params, step, confidence)
    return rows


def _arms(observed: Observed) -> dict[str, list[int]]:
    """The instances of every arm that recorded anything."""
    here = set(_by_instance(observed))
    arms = {arm: [i for i in own if i in here] for arm, own in by_arm(observed.plan.targets).items()}
    return {arm: own for arm, own in arms.items() if own}


def _rows(
    observed: Observed,
    found: Mapping[str, Mapping[int, float]],
    params: dict[str, str],
    step: str | None,
    confidence: float,
) -> list[Measurement]:
    """The rows of the whole scenario or of one step, arm by arm."""
    rows: list[Measurement] = []
    slots = _by_instance(observed)
    for arm, instances in _arms(observed).items():
        records = [r for i in instances for slot in slots[i] for r in slot.records]
        samples = sum(record.requests for record in records if step in (None, record.step))
        for metric, values in found.items():
            own = [float(values[instance]) for instance in instances if instance in values]
            if own:
                rows.append(_row(observed.scenario, params, arm, metric, own, samples, confidence))
    return rows


def _row(
    scenario: Scenario,
    params: dict[str, str],
    arm: str,
    metric: str,
    own: list[float],
    samples: int,
    confidence: float,
) -> Measurement:
    positive = METRICS[metric].scale == "log" and min(own) > 0
    estimate = (geometric_mean if positive else mean)(own, confidence)
    return Measurement(
        scenario=scenario.name,
        load=scenario.load.label,
        params=params,
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
    for metric, params in _compared(rows):
        here = [row for row in rows if (row.metric, row.params) == (metric, params)]
        usable = [
            (base, arm)
            for base, arm in combinations(here, 2)
            if min(base.points + arm.points) > 0 and min(base.instances, arm.instances) > 1
        ]
        ratios = [ratio(base.points, arm.points, confidence) for base, arm in usable]
        primary = metric == scenario.primary_metric and params == scenario.params
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


def _compared(rows: Sequence[Measurement]) -> list[tuple[str, dict[str, Any]]]:
    """The (metric, params) pairs that have a ratio, in the order of the rows."""
    pairs: list[tuple[str, dict[str, Any]]] = []
    for row in rows:
        if METRICS[row.metric].scale == "log" and (row.metric, row.params) not in pairs:
            pairs.append((row.metric, row.params))
    return pairs


def _comparison(
    base: Measurement, arm: Measurement, one: Ratio, *, primary: bool, verdict: Verdict
) -> Comparison:
    return Comparison(
        scenario=base.scenario,
        load=base.load,
        params=base.params,
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
    """Latency by percentile of every arm and step, both clocks where both ran."""
    rows: list[Distribution] = []
    scenario, steps, slots = observed.scenario, observed.steps(), _by_instance(observed)
    for step in steps:
        params = scenario.params | ({"step": step} if len(steps) > 1 else {})
        for arm, instances in _arms(observed).items():
            own = [record for i in instances for slot in slots[i] for record in slot.step(step)]
            for clock in _CLOCKS:
                texts = [text for record in own if (text := getattr(record, clock))]
                if texts:
                    rows.append(_distribution(scenario, params, arm, clock, texts))
    return rows


def _distribution(
    scenario: Scenario, params: dict[str, str], arm: str, clock: Clock, texts: Sequence[str]
) -> Distribution:
    whole = merged(texts)
    return Distribution(
        scenario=scenario.name,
        load=scenario.load.label,
        params=params,
        arm=arm,
        clock=clock,
        samples=whole.get_total_count(),
        points=[
            (item.percentile_level_iterated_to, item.value_iterated_to / 1e3)
            for item in whole.get_percentile_iterator(5)
        ],
    )


def cpu_waits(observed: Observed, arm: str) -> dict[str, float]:
    """Who waited for a CPU that something else had, and for what share of an arm's time: server, load."""
    own = set(by_arm(observed.plan.targets)[arm])
    slots = [slot for slot in observed.slots() if slot.instance in own]
    return {
        "server": fmean(slot.server_wait for slot in slots),
        "load generator": fmean(slot.load_wait for slot in slots),
    }


def server_busy(observed: Observed, arm: str) -> float:
    """Median share of the slot's time in which an arm's server was on its CPU."""
    own = set(by_arm(observed.plan.targets)[arm])
    return median(
        slot.account.server_cpu_ns / slot.elapsed_ns for slot in observed.slots() if slot.instance in own
    )


def _interval(low: float | None, high: float | None) -> Interval:
    return None if low is None or high is None else (low, high)
