"""The slots of one scenario: their plan, and what is read before and after them."""

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
    """What was observed of one load.

    Attributes:
        observed: All of it.
        restarted: The servers and stores that were not the same at its end as at its beginning, by name.
        broken_off: Why it ended before its time, if another machine answers no more.
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
        scenario: What to do.
        instances: Server instances under load.
        folder: Temporary folder of the rig, for the barrier's socket.
        seed: Seed of the order of slots.
        slots: Number of slots.
        warmup_requests: Discarded requests to each instance.
    """
    targets = tuple(replace(one.target, instance=number) for number, one in enumerate(instances))
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
    """Return the numbers of the instances that this run has not started."""
    return frozenset(number for number, one in enumerate(instances) if one.process is None)


def families(instances: Sequence[Instance]) -> dict[str, frozenset[tuple[int, float]]]:
    """Return the processes that serve each instance, by its name, as far as they can be seen."""
    return {
        f"{one.target.arm} #{number}": one.meter.meet()
        for number, one in enumerate(instances)
        if one.meter is not None
    }


def sampler(rig: Rig, instances: Sequence[Instance], seconds: float) -> ProcessSampler:
    """Return a sampler of the processes that exist before the load; the load's own are added later."""
    watch = ProcessSampler(seconds)
    for number, instance in enumerate(instances):
        for position, pid in enumerate(instance.pids):
            which = f", process {position}" if position else ""
            watch.follow(f"{instance.target.arm} #{number}{which}", pid, instance.target.arm)
    if rig.store.pid is not None:
        watch.follow("store", rig.store.pid)
    watch.follow("harness", os.getpid())
    return watch
