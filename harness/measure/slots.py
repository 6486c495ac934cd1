"""Slots of one scenario: their plan, and what is read before and after them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from harness.analysis.observation import Observation
from harness.load.generator import BrokenOffError
from harness.protocol.plan import Plan, deal
from harness.suites.model import Scenario
from harness.testbed.launcher import Instance
from harness.testbed.rig import Rig
from harness.testbed.sampler import ProcessSampler

#: A request without an answer after this long is an error.
_REQUEST_TIMEOUT_S: Final = 10


class ObservedLoad(NamedTuple):
    """Observation of one load, and how the load ended.

    Attributes:
        observed: Observation of the load.
        restarted: Names of servers and stores that were restarted during the load.
        broken_off: Reason for an early end, if another machine stopped answering; else None.
    """

    observed: Observation
    restarted: list[str]
    broken_off: BrokenOffError | None


def plan_of(
    scenario: Scenario,
    instances: Sequence[Instance],
    folder: Path,
    *,
    seed: int,
    slots: int,
    warmup_requests: int,
) -> Plan:
    """Return the plan of one scenario's load.

    Args:
        scenario: Scenario to run.
        instances: Server instances under load.
        folder: Temporary folder of the rig, for the barrier's socket.
        seed: Seed of the order of slots.
        slots: Number of slots.
        warmup_requests: Discarded requests to each instance.
    """
    targets = tuple(replace(instance.target, instance=number) for number, instance in enumerate(instances))
    return Plan(
        scenario=scenario.name,
        model=scenario.load.model,
        users=scenario.load.users,
        rate=scenario.load.rate,
        arrivals=scenario.load.arrivals,
        seed=seed,
        lead_ns=scenario.lead_ns,
        slot_ns=scenario.slot_ns,
        warmup_requests=warmup_requests,
        timeout_s=_REQUEST_TIMEOUT_S,
        targets=targets,
        order=deal(len(targets), slots, seed),
        edges=str(folder / "edges.sock"),
        limit_ns=round((scenario.load.p99_ms or 0) * 1e6),
    )


def started_elsewhere(instances: Sequence[Instance]) -> frozenset[int]:
    """Return the numbers of the instances that were not started by this run."""
    return frozenset(number for number, instance in enumerate(instances) if instance.process is None)


def process_trees(instances: Sequence[Instance]) -> dict[str, frozenset[tuple[int, float]]]:
    """Return the processes of each instance that can be observed, by its name."""
    return {
        f"{instance.target.arm} #{number}": instance.meter.meet()
        for number, instance in enumerate(instances)
        if instance.meter is not None
    }


def sampler(rig: Rig, instances: Sequence[Instance], seconds: float) -> ProcessSampler:
    """Return a sampler of the processes that exist before the load; the load's own are added later."""
    processes = ProcessSampler(seconds)
    for number, instance in enumerate(instances):
        for position, pid in enumerate(instance.pids):
            suffix = f", process {position}" if position else ""
            processes.follow(f"{instance.target.arm} #{number}{suffix}", pid, instance.target.arm)
    if rig.store.pid is not None:
        processes.follow("store", rig.store.pid)
    processes.follow("harness", os.getpid())
    return processes
