"""Puts one scenario's load on a rig, and keeps what was seen of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Final, NamedTuple

from harness.analysis.observation import Observed
from harness.load import generator
from harness.load.usage import Accountant, StoreMeter
from harness.measure.progress import Reporter
from harness.protocol.plan import Plan, by_arm, deal
from harness.suites.model import Scenario
from harness.testbed import header_limit
from harness.testbed.launcher import Instance
from harness.testbed.rig import Rig
from harness.testbed.sampler import Watch

#: A request without an answer after this long is an error.
_REQUEST_TIMEOUT_S: Final = 10


class Seen(NamedTuple):
    """What was seen of one load.

    Attributes:
        observed: All of it.
        restarted: The servers and stores that were not the same at its end as at its beginning, by name.
        broken_off: Why it ended before its time, where another machine answers no more.
    """

    observed: Observed
    restarted: list[str]
    broken_off: generator.BrokenOffError | None


def observe(
    scenario: Scenario,
    instances: Sequence[Instance],
    rig: Rig,
    meter: StoreMeter,
    *,
    how: generator.Generator,
    reporter: Reporter,
    seed: int,
    slots: int,
    warmup_requests: int,
    batch: int,
) -> Seen:
    """Put one scenario's load on some instances of a rig.

    Args:
        scenario: What to do.
        instances: To whom.
        rig: Where they are.
        meter: Reads its store.
        how: Who makes the load.
        reporter: Told of every slot.
        seed: Of the order of slots.
        slots: How many.
        warmup_requests: Discarded requests to each server process.
        batch: Which batch of instances these are of.

    Raises:
        EnvironmentFailedError: A part would not start or died, or the disk is full.
        InvalidMeasurementError: The load broke off, and nothing was recorded.
    """
    targets = tuple(replace(one.target, instance=number) for number, one in enumerate(instances))
    meters = [one.meter for one in instances]
    behind_a_port = scenario.processes or 1
    plan = Plan(
        scenario=scenario.name,
        model=scenario.load.model,
        users=scenario.load.users,
        rate=scenario.load.rate,
        arrivals=scenario.load.arrivals,
        seed=seed,
        lead_ns=scenario.lead_ns,
        slot_ns=scenario.slot_ns,
        warmup_requests=warmup_requests * behind_a_port,
        timeout_s=_REQUEST_TIMEOUT_S,
        targets=targets,
        order=deal(len(targets), slots, seed),
        edges=str(rig.folder / "edges.sock"),
        limit_ns=round((scenario.load.p99_ms or 0) * 1e6),
    )
    # Servers that run already have the store that --redis-url names, or one that nobody here reads.
    own_store = () if rig.store.given else _elsewhere(instances)
    accountant = Accountant(meters, meter, own_store)
    rtt_us = [rig.store.rtt_us()]
    reporter.begin(scenario.label, len(plan.order), [t.arm for t in plan.targets])
    before, lives = _families(instances), rig.store.run_ids()
    watch = _watch(rig, instances, scenario.seconds)
    rss: dict[int, int] = {}
    memory: dict[str, int] = {}
    longest: dict[str, int] = {}
    broken_off = None
    try:
        recording = generator.run(plan, rig, accountant, watch, how=how, on_slot=reporter.slot)
    except generator.BrokenOffError as error:
        broken_off, recording, after, lives_now = error, error.recording, before, lives
    else:
        after, lives_now = _families(instances), rig.store.run_ids()
        rtt_us.append(rig.store.rtt_us())
        rss = {n: one.resident_bytes() for n, one in enumerate(meters) if one is not None}
        known = [arm for arm in by_arm(plan.targets) if arm not in rig.elsewhere]
        memory = {arm: meter.memory(rig.arm_prefix(arm)) for arm in known}
        if scenario.profile_bytes is not None:
            longest = header_limit.of_arms(rig, instances)
    restarted = [name for name, family in before.items() if after[name] != family]
    restarted += ["the store"] if lives_now != lives else []
    observed = Observed(
        scenario,
        plan,
        recording,
        accountant.accounts,
        server_rss=rss,
        store_memory=memory,
        longest_profile=longest,
        store_rtt_us=fmean(rtt_us),
        vitals=watch.vitals(scenario),
        number=batch,
        server_cpus=min(behind_a_port, len(rig.placement.servers) or os.cpu_count() or 1),
    )
    return Seen(observed, restarted, broken_off)


def _elsewhere(instances: Sequence[Instance]) -> frozenset[int]:
    """Those that were not started here, by their number."""
    return frozenset(number for number, one in enumerate(instances) if one.process is None)


def _families(instances: Sequence[Instance]) -> dict[str, frozenset[tuple[int, float]]]:
    """The processes that serve each instance, by its name, as far as they can be seen."""
    return {
        f"{one.target.arm} #{number}": one.meter.meet()
        for number, one in enumerate(instances)
        if one.meter is not None
    }


def _watch(rig: Rig, instances: Sequence[Instance], seconds: float) -> Watch:
    """Follows the processes that there are before the load; the load's own are added when they start."""
    watch = Watch(seconds)
    for number, instance in enumerate(instances):
        for position, pid in enumerate(instance.pids):
            which = f", process {position}" if position else ""
            watch.follow(f"{instance.target.arm} #{number}{which}", pid, instance.target.arm)
    if rig.store.pid is not None:
        watch.follow("store", rig.store.pid)
    watch.follow("harness", os.getpid())
    return watch
