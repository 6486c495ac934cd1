"""The estimates of single instances, metric by metric. Pure.

Each slot gives one value of CPU, rate and median; `harness.analysis.block_effects` makes an instance's
estimate of them, so that what the machine did to all alike is taken out, and a burst spoils a slot and not
the instance. Tails need more requests than a slot has: they come from an instance's merged histograms.
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

#: An estimate of each instance.
ByInstance = dict[int, float]


def instance_estimates(observed: Observation) -> dict[str, ByInstance]:
    """Metric to instance to that instance's estimate, for every metric that applies to the whole scenario.

    Latencies do not where it has several steps: a mixture of logins and reads is nobody's waiting time.
    """
    slots = by_instance(observed)
    records = {instance: [slot.records for slot in own] for instance, own in slots.items()}
    found = _costs(observed, slots) | _sizes(records)
    if len(observed.steps()) == 1:
        found |= _clocks(observed, slots, records)
    if observed.plan.limit_ns:
        found["capacity"] = _of_records(records, lambda own: math.exp(fmean(math.log(r.rate) for r in own)))
    elif observed.plan.model == "open":
        found |= _punctuality(records)
    found["server_rss"] = {i: observed.server_rss[i] for i in slots if i in observed.server_rss}
    return found


def step_points(observed: Observation, step: str) -> dict[str, ByInstance]:
    """Metric to instance to that instance's estimate, for every metric that applies to one step by itself."""
    slots = {
        instance: some
        for instance, own in by_instance(observed).items()
        if (some := [slot for slot in own if slot.step(step)])
    }
    records = {instance: [slot.step(step) for slot in own] for instance, own in slots.items()}
    return _sizes(records) | _clocks(observed, slots, records)


def _costs(observed: Observation, slots: Mapping[int, Sequence[Slot]]) -> dict[str, ByInstance]:
    """What a request cost, and how many were served; known for whole slots only."""

    def of_slots(value: Callable[[Slot], float]) -> ByInstance:
        return _levels(observed, {i: [(slot, value(slot)) for slot in own] for i, own in slots.items()})

    def of_read(cpu_ns: Callable[[SlotUsage], float | None]) -> ByInstance:
        """CPU in us a request, of the instances where somebody reads it."""
        read = {
            instance: [
                (slot, ns / slot.requests / 1e3) for slot in own if (ns := cpu_ns(slot.account)) is not None
            ]
            for instance, own in slots.items()
        }
        return _levels(observed, {instance: values for instance, values in read.items() if values})

    server = of_read(lambda account: account.server_cpu_ns)
    store = of_read(lambda account: account.store_cpu_ns)
    operations = _operations(slots)
    # Without operations there is nothing to attribute: what is left is the store's own housekeeping.
    store = {instance: cpu if operations[instance] else 0.0 for instance, cpu in store.items()}
    return {
        "throughput": of_slots(lambda slot: slot.requests / slot.elapsed_ns * 1e9),
        "server_cpu": server,
        "store_cpu": store,
        "total_cpu": {i: cpu + store[i] for i, cpu in server.items() if i in store},
        "store_ops": operations,
        "load_cpu": {instance: median(slot.load_cpu for slot in own) for instance, own in slots.items()},
    }


def _operations(slots: Mapping[int, Sequence[Slot]]) -> ByInstance:
    """Store commands a request, of the instances whose store somebody reads."""
    found = {}
    for instance, own in slots.items():
        read = [(count, slot.requests) for slot in own if (count := slot.account.store_ops) is not None]
        if read:
            found[instance] = sum(count for count, _ in read) / sum(requests for _, requests in read)
    return found


def _levels(observed: Observation, values: Mapping[int, Sequence[tuple[Slot, float]]]) -> ByInstance:
    """Each instance's level, by what its slots gave."""
    if observed.plan.limit_ns:  # no two slots of a search have one rate, so none stands for its block
        return {instance: median(value for _, value in own) for instance, own in values.items()}
    blocks = observed.blocks()
    return remove_block_effects(
        {
            instance: [Value(blocks[slot.number], value) for slot, value in own]
            for instance, own in values.items()
        }
    )


def _sizes(records: Mapping[int, Sequence[Sequence[SlotRecord]]]) -> dict[str, ByInstance]:
    def per_request(value: Callable[[SlotRecord], int]) -> ByInstance:
        return _of_records(records, lambda own: sum(map(value, own)) / sum(one.requests for one in own))

    return {
        "request_bytes": per_request(lambda one: one.request_bytes),
        "response_bytes": per_request(lambda one: one.response_bytes),
        "error_rate": per_request(lambda one: one.errors),
    }


def _clocks(
    observed: Observation,
    slots: Mapping[int, Sequence[Slot]],
    records: Mapping[int, Sequence[Sequence[SlotRecord]]],
) -> dict[str, ByInstance]:
    """Percentiles of both clocks, in us, of those that ran."""
    found: dict[str, ByInstance] = {}
    texts_of: dict[str, Callable[[SlotRecord], str]] = {
        "service": lambda one: one.service,
        "response": lambda one: one.response,
    }
    for clock, text_of in texts_of.items():
        ran = {
            instance: [
                (slot, texts)
                for slot, some in zip(own, records[instance], strict=True)
                if (texts := [text for one in some if (text := text_of(one))])
            ]
            for instance, own in slots.items()
        }
        found |= {
            f"{clock}_{name}": values
            for name, values in _percentiles(observed, {i: own for i, own in ran.items() if own}).items()
        }
    return found


def _percentiles(
    observed: Observation, texts: Mapping[int, Sequence[tuple[Slot, Sequence[str]]]]
) -> dict[str, ByInstance]:
    """Percentiles of one clock in us; `texts` has the encoded histograms of every slot, by instance."""
    if not texts:
        return {}
    by_slot = {instance: [(slot, merged(some)) for slot, some in own] for instance, own in texts.items()}
    whole = {instance: merged(text for _, some in own for text in some) for instance, own in texts.items()}
    found: dict[str, ByInstance] = {}
    for name, percentile in _PERCENTILES.items():
        if name in _BY_SLOT:
            found[name] = _levels(
                observed,
                {
                    instance: [(slot, one.get_value_at_percentile(percentile) / 1e3) for slot, one in own]
                    for instance, own in by_slot.items()
                },
            )
        else:
            found[name] = {i: one.get_value_at_percentile(percentile) / 1e3 for i, one in whole.items()}
    return found


def _punctuality(records: Mapping[int, Sequence[Sequence[SlotRecord]]]) -> dict[str, ByInstance]:
    def of_scheduled(value: Callable[[SlotRecord], int]) -> ByInstance:
        return _of_records(records, lambda own: sum(map(value, own)) / sum(one.scheduled for one in own))

    return {
        "late_arrivals": of_scheduled(lambda one: one.late),
        "dropped_arrivals": of_scheduled(lambda one: one.dropped),
        "lag_p99": _of_records(
            records,
            lambda own: merged(one.lag for one in own if one.lag).get_value_at_percentile(99) / 1e3,
        ),
    }


def _of_records(
    records: Mapping[int, Iterable[Sequence[SlotRecord]]], value: Callable[[Sequence[SlotRecord]], float]
) -> ByInstance:
    """What all records of an instance give together."""
    return {
        instance: value([record for some in slots for record in some]) for instance, slots in records.items()
    }
