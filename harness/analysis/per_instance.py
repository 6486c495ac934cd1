"""Estimates of single instances, metric by metric. Pure.

Each slot gives one value of CPU, rate and median; `harness.analysis.block_effects` combines them into an
instance's estimate, so that effects of the machine on all instances are removed, and a burst spoils a slot
and not the instance. Tails need more requests than a slot has: they come from merged histograms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median
from typing import Final

from hdrh.histogram import HdrHistogram

from harness.analysis.block_effects import remove_block_effects
from harness.analysis.observation import Observation, Slot, by_instance
from harness.protocol.clocks import Clock
from harness.protocol.recording import SlotUsage, merged

#: Percentiles that come from merged histograms; the median is estimated slot by slot.
_TAILS: Final = {"p90": 90.0, "p99": 99.0, "p999": 99.9}
#: Counters of records over the number of requests, or of arrivals that were due.
_PER_REQUEST: Final = {
    "request_bytes": "request_bytes",
    "response_bytes": "response_bytes",
    "error_rate": "errors",
}
_PER_ARRIVAL: Final = {"late_arrivals": "late", "dropped_arrivals": "dropped"}

#: Estimate of each instance.
ByInstance = dict[int, float]
_Slots = Mapping[int, Sequence[Slot]]


def instance_estimates(observed: Observation) -> dict[str, ByInstance]:
    """Return the estimate of each instance, by metric and instance, for metrics of the whole scenario.

    A scenario of several steps has no latencies: a mixture of logins and reads is no meaningful latency.
    """
    slots = by_instance(observed)
    estimates = _costs(observed, slots) | _shares(slots, _PER_REQUEST, "requests")
    if len(observed.steps()) == 1:
        estimates |= _latencies(observed, slots)
    if observed.plan.limit_ns:
        estimates["capacity"] = {
            instance: math.exp(fmean(math.log(record.rate) for slot in rows for record in slot.records))
            for instance, rows in slots.items()
        }
    elif observed.plan.model == "open":
        estimates |= _shares(slots, _PER_ARRIVAL, "scheduled")
        estimates["lag_p99"] = {
            instance: _us(merged(text for slot in rows for text in slot.histograms("lag")), 99)
            for instance, rows in slots.items()
        }
    estimates["server_rss"] = {i: observed.server_rss[i] for i in slots if i in observed.server_rss}
    return estimates


def step_points(observed: Observation, step: str) -> dict[str, ByInstance]:
    """Return the estimate of each instance, by metric and instance, for metrics of a single step."""
    slots = {
        instance: of_step
        for instance, rows in by_instance(observed).items()
        if (of_step := [part for slot in rows if (part := slot.step(step)).records])
    }
    return _shares(slots, _PER_REQUEST, "requests") | _latencies(observed, slots)


def _costs(observed: Observation, slots: _Slots) -> dict[str, ByInstance]:
    """Return cost per request and rate; they are known for whole slots only."""

    def cpu(ns: Callable[[SlotUsage], float | None]) -> ByInstance:
        """Return CPU in us per request, of the instances with a known CPU time."""

        def us(slot: Slot) -> float | None:
            used_ns = ns(slot.account)
            return None if used_ns is None else used_ns / slot.requests / 1e3

        return _levels(observed, slots, us)

    server = cpu(lambda account: account.server_cpu_ns)
    store = cpu(lambda account: account.store_cpu_ns)
    operations = _operations(slots)
    # Without operations all CPU of the store is its own housekeeping, which no request caused.
    store = {instance: us if operations[instance] else 0.0 for instance, us in store.items()}
    return {
        "throughput": _levels(observed, slots, lambda slot: slot.requests / slot.elapsed_ns * 1e9),
        "server_cpu": server,
        "store_cpu": store,
        "total_cpu": {instance: us + store[instance] for instance, us in server.items() if instance in store},
        "store_ops": operations,
        "load_cpu": {instance: median(slot.load_cpu for slot in rows) for instance, rows in slots.items()},
    }


def _operations(slots: _Slots) -> ByInstance:
    """Return store commands per request, of the instances with a known store."""
    operations = {}
    for instance, rows in slots.items():
        read = [(count, slot.requests) for slot in rows if (count := slot.account.store_ops) is not None]
        if read:
            operations[instance] = sum(count for count, _ in read) / sum(requests for _, requests in read)
    return operations


def _levels(observed: Observation, slots: _Slots, value: Callable[[Slot], float | None]) -> ByInstance:
    """Return each instance's level, from the values of its slots; none of an instance without values."""
    blocks = observed.blocks()
    values: dict[int, list[tuple[tuple[int, int], float]]] = {}
    for instance, rows in slots.items():
        for slot in rows:
            if (known := value(slot)) is not None:
                values.setdefault(instance, []).append((blocks[slot.account.slot], known))
    if observed.plan.limit_ns:  # the slots of a search have different rates, so blocks are not comparable
        return {instance: median(known for _, known in rows) for instance, rows in values.items()}
    return remove_block_effects(values)


def _shares(slots: _Slots, counters: Mapping[str, str], of: str) -> dict[str, ByInstance]:
    """Return sums of counters over the sum of another one, of all records of an instance together."""

    def total(counter: str, instance: int) -> int:
        return sum(getattr(record, counter) for slot in slots[instance] for record in slot.records)

    return {
        metric: {instance: total(counter, instance) / total(of, instance) for instance in slots}
        for metric, counter in counters.items()
    }


def _latencies(observed: Observation, slots: _Slots) -> dict[str, ByInstance]:
    """Return percentiles of both clocks, in us; of a clock that did not run, none."""
    return _percentiles(observed, slots, "service") | _percentiles(observed, slots, "response")


def _percentiles(observed: Observation, slots: _Slots, clock: Clock) -> dict[str, ByInstance]:
    texts = {i: [text for slot in rows for text in slot.histograms(clock)] for i, rows in slots.items()}
    whole = {instance: merged(encoded) for instance, encoded in texts.items() if encoded}
    if not whole:
        return {}

    def middle(slot: Slot) -> float | None:
        encoded = slot.histograms(clock)
        return _us(merged(encoded), 50) if encoded else None

    return {f"{clock}_p50": _levels(observed, slots, middle)} | {
        f"{clock}_{name}": {instance: _us(histogram, percentile) for instance, histogram in whole.items()}
        for name, percentile in _TAILS.items()
    }


def _us(histogram: HdrHistogram, percentile: float) -> float:
    return float(histogram.get_value_at_percentile(percentile) / 1e3)
