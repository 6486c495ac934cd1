"""The estimates of single instances, metric by metric. Pure.

Each slot gives one value of CPU, rate and median; an instance's estimate is the median over its slots, so
that a burst of the machine spoils a slot and not the instance. Tails need more requests than a slot has: they
come from an instance's merged histograms.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, median
from typing import Final

from harness.observed import Observed, Slot, by_instance
from harness.recording import SlotRecord, merged

_PERCENTILES: Final = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p999": 99.9}
#: Percentiles that are estimated slot by slot; the others come from merged histograms.
_BY_SLOT: Final = {"p50"}


def points(observed: Observed) -> dict[str, dict[int, float]]:
    """Metric to instance to that instance's estimate, for every metric that applies to the whole scenario.

    Latencies do not where it has several steps: a mixture of logins and reads is nobody's waiting time.
    """
    mixed = len(observed.steps()) > 1
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for instance, own in by_instance(observed).items():
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
    for instance, own in by_instance(observed).items():
        slots = [records for slot in own if (records := slot.step(step))]
        if slots:
            for metric, value in [*_sizes([r for records in slots for r in records]), *_clocks(slots)]:
                found[metric][instance] = value
    return dict(found)


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
