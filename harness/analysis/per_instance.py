"""Estimates of single instances, metric by metric. Pure.

Each slot gives one value of CPU, rate and median; `harness.analysis.block_effects` combines them into an
instance's estimate, so that effects of the machine on all instances are removed, and a burst spoils a slot
and not the instance. Tails need more requests than a slot has: they come from merged histograms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, median
from typing import Final

from harness.analysis.block_effects import Value, remove_block_effects
from harness.analysis.observation import Observation, Slot, by_instance
from harness.protocol.recording import SlotRecord, SlotUsage, merged

_PERCENTILES: Final = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p999": 99.9}
#: Percentiles that are estimated slot by slot; the others come from merged histograms.
_BY_SLOT: Final = {"p50"}

#: Estimate of each instance.
ByInstance = dict[int, float]


def instance_estimates(observed: Observation) -> dict[str, ByInstance]:
    """Return the estimate of each instance, by metric and instance, for metrics of the whole scenario.

    A scenario of several steps has no latencies: a mixture of logins and reads is no meaningful latency.
    """
    slots = by_instance(observed)
    records = {instance: [slot.records for slot in slots[instance]] for instance in slots}
    estimates = _costs(observed, slots) | _sizes(records)
    if len(observed.steps()) == 1:
        estimates |= _clocks(observed, slots, records)
    if observed.plan.limit_ns:
        estimates["capacity"] = _of_records(
            records, lambda rows: math.exp(fmean(math.log(row.rate) for row in rows))
        )
    elif observed.plan.model == "open":
        estimates |= _punctuality(records)
    estimates["server_rss"] = {i: observed.server_rss[i] for i in slots if i in observed.server_rss}
    return estimates


def step_points(observed: Observation, step: str) -> dict[str, ByInstance]:
    """Return the estimate of each instance, by metric and instance, for metrics of a single step."""
    slots = {
        instance: slots_of_step
        for instance, all_slots in by_instance(observed).items()
        if (slots_of_step := [slot for slot in all_slots if slot.step(step)])
    }
    records = {instance: [slot.step(step) for slot in slots[instance]] for instance in slots}
    return _sizes(records) | _clocks(observed, slots, records)


def _costs(observed: Observation, slots: Mapping[int, Sequence[Slot]]) -> dict[str, ByInstance]:
    """Return cost per request and rate; they are known for whole slots only."""

    def of_slots(value: Callable[[Slot], float]) -> ByInstance:
        return _levels(observed, {i: [(slot, value(slot)) for slot in slots[i]] for i in slots})

    def of_read(cpu_ns: Callable[[SlotUsage], float | None]) -> ByInstance:
        """Return CPU in us per request, of the instances with a known CPU time."""
        read = {
            instance: [
                (slot, ns / slot.requests / 1e3)
                for slot in slots[instance]
                if (ns := cpu_ns(slot.account)) is not None
            ]
            for instance in slots
        }
        return _levels(observed, {instance: values for instance, values in read.items() if values})

    server = of_read(lambda account: account.server_cpu_ns)
    store = of_read(lambda account: account.store_cpu_ns)
    operations = _operations(slots)
    # Without operations all CPU of the store is its own housekeeping, which no request caused.
    store = {instance: cpu if operations[instance] else 0.0 for instance, cpu in store.items()}
    return {
        "throughput": of_slots(lambda slot: slot.requests / slot.elapsed_ns * 1e9),
        "server_cpu": server,
        "store_cpu": store,
        "total_cpu": {i: cpu + store[i] for i, cpu in server.items() if i in store},
        "store_ops": operations,
        "load_cpu": {instance: median(slot.load_cpu for slot in slots[instance]) for instance in slots},
    }


def _operations(slots: Mapping[int, Sequence[Slot]]) -> ByInstance:
    """Return store commands per request, of the instances with a known store."""
    operations = {}
    for instance in slots:
        read = [
            (count, slot.requests)
            for slot in slots[instance]
            if (count := slot.account.store_ops) is not None
        ]
        if read:
            operations[instance] = sum(count for count, _ in read) / sum(requests for _, requests in read)
    return operations


def _levels(observed: Observation, values: Mapping[int, Sequence[tuple[Slot, float]]]) -> ByInstance:
    """Return each instance's level, from the values of its slots."""
    if observed.plan.limit_ns:  # the slots of a search have different rates, so blocks are not comparable
        return {instance: median(value for _, value in rows) for instance, rows in values.items()}
    blocks = observed.blocks()
    return remove_block_effects(
        {
            instance: [Value(blocks[slot.number], value) for slot, value in rows]
            for instance, rows in values.items()
        }
    )


def _sizes(records: Mapping[int, Sequence[Sequence[SlotRecord]]]) -> dict[str, ByInstance]:
    def per_request(value: Callable[[SlotRecord], int]) -> ByInstance:
        return _of_records(records, lambda rows: sum(map(value, rows)) / sum(row.requests for row in rows))

    return {
        "request_bytes": per_request(lambda row: row.request_bytes),
        "response_bytes": per_request(lambda row: row.response_bytes),
        "error_rate": per_request(lambda row: row.errors),
    }


def _clocks(
    observed: Observation,
    slots: Mapping[int, Sequence[Slot]],
    records: Mapping[int, Sequence[Sequence[SlotRecord]]],
) -> dict[str, ByInstance]:
    """Return percentiles of both clocks, in us; of a clock that did not run, none."""
    estimates: dict[str, ByInstance] = {}
    texts_of: dict[str, Callable[[SlotRecord], str]] = {
        "service": lambda row: row.service,
        "response": lambda row: row.response,
    }
    for clock, text_of in texts_of.items():
        ran = {
            instance: [
                (slot, texts)
                for slot, rows in zip(slots[instance], records[instance], strict=True)
                if (texts := [text for row in rows if (text := text_of(row))])
            ]
            for instance in slots
        }
        estimates |= {
            f"{clock}_{name}": values
            for name, values in _percentiles(observed, {i: rows for i, rows in ran.items() if rows}).items()
        }
    return estimates


def _percentiles(
    observed: Observation, texts: Mapping[int, Sequence[tuple[Slot, Sequence[str]]]]
) -> dict[str, ByInstance]:
    """Return percentiles of one clock in us; `texts` has the encoded histograms of each slot, by instance."""
    if not texts:
        return {}
    by_slot = {i: [(slot, merged(encoded)) for slot, encoded in rows] for i, rows in texts.items()}
    whole = {i: merged(text for _, encoded in rows for text in encoded) for i, rows in texts.items()}
    estimates: dict[str, ByInstance] = {}
    for name, percentile in _PERCENTILES.items():
        if name in _BY_SLOT:
            estimates[name] = _levels(
                observed,
                {
                    i: [
                        (slot, histogram.get_value_at_percentile(percentile) / 1e3)
                        for slot, histogram in rows
                    ]
                    for i, rows in by_slot.items()
                },
            )
        else:
            estimates[name] = {i: whole[i].get_value_at_percentile(percentile) / 1e3 for i in whole}
    return estimates


def _punctuality(records: Mapping[int, Sequence[Sequence[SlotRecord]]]) -> dict[str, ByInstance]:
    def of_scheduled(value: Callable[[SlotRecord], int]) -> ByInstance:
        return _of_records(records, lambda rows: sum(map(value, rows)) / sum(row.scheduled for row in rows))

    return {
        "late_arrivals": of_scheduled(lambda row: row.late),
        "dropped_arrivals": of_scheduled(lambda row: row.dropped),
        "lag_p99": _of_records(
            records,
            lambda rows: merged(row.lag for row in rows if row.lag).get_value_at_percentile(99) / 1e3,
        ),
    }


def _of_records(
    records: Mapping[int, Iterable[Sequence[SlotRecord]]], value: Callable[[Sequence[SlotRecord]], float]
) -> ByInstance:
    """Return the value of all records of an instance together, by instance."""
    return {
        instance: value([record for slot in slots for record in slot]) for instance, slots in records.items()
    }
