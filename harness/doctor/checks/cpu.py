"""Checks of the CPUs: whether there are enough, whole, and shared with nothing else."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from harness.analysis.checks import STEAL_WARNING
from harness.doctor import cpu_speed, kernel
from harness.doctor.check import Checks, Judgement, Machine, graded
from harness.system.cpus import cores

_CPUS_FOR_STORE: Final = 3
#: Largest ratio of a loop's median time to its best time on a core that is not shared.
UNSTEADY: Final = 1.25


def cpus(present: int, usable: int, *, can_bind: bool) -> Judgement:
    """Judge the CPUs: every role needs its own CPU, and must stay on it.

    From four CPUs on, servers, store, load generator and harness have one each.
    """
    count = f"{usable} of {present} CPUs are usable"
    if not can_bind:
        return Judgement(
            "warning",
            f"{count}; this system cannot pin processes to them",
            "measure on Linux, where roles are pinned to CPUs",
        )
    if usable < 2:
        count += "; servers, store and load generator share it"
    elif usable < _CPUS_FOR_STORE:
        count += "; the store shares the servers' CPU"
    return graded(
        count,
        "use a machine with 4 CPUs, or compare only with results of the same placement",
        warning=usable < _CPUS_FOR_STORE,
    )


def quota(limit: float | None, usable: int, throttled: int, throttled_now: int) -> Judgement:
    """Judge the CPU quota: a group that has used its share stops until the next period, for up to 100 ms.

    `limit` is in CPUs (None for no limit); the counts are those before and during the check.
    """
    if throttled_now:
        figure = f"throttled {throttled_now} times during the check, {throttled} times before"
    elif limit is None:
        return Judgement("ok", "no CPU quota")
    elif limit >= usable:
        return Judgement("ok", f"the quota of {limit:g} CPUs covers all usable CPUs")
    else:
        figure = f"{usable} CPUs are usable, but the quota is {limit:g} CPUs"
    return Judgement(
        "warning",
        figure,
        "give the container whole CPUs rather than a quota: docker run --cpuset-cpus 0-3, without --cpus",
    )


def _quota(machine: Machine) -> Judgement | None:
    limit = kernel.cpu_limit(machine.root)
    if limit is None:
        return None
    now = machine.seen.throttled
    return quota(limit.cpus, len(machine.cpus) or cores(), limit.throttled - now, now)


def core_sharing(siblings: Mapping[int, Sequence[int]], roles: Mapping[str, Sequence[int]]) -> Judgement:
    """Judge shared cores: two threads of one core slow each other down, depending on what the other does.

    The harness, which sleeps while a slot runs, is left out. `siblings` has all CPUs of the same core by each
    usable CPU, itself included, `roles` the CPUs of each role; it is empty if nothing is pinned.
    """
    pinned = [(role, cpu) for role, cpus in roles.items() if role != "harness" for cpu in cpus]
    pairs = [
        f"{role} on CPU {cpu}, {other} on CPU {sibling}"
        for index, (role, cpu) in enumerate(pinned)
        for other, sibling in pinned[index + 1 :]
        if cpu != sibling and sibling in siblings.get(cpu, ())
    ]
    if not pairs:
        return Judgement("ok", "every role has its own core, or is not pinned")
    first_threads = sorted({min(set(cpus) & set(siblings)) for cpus in siblings.values()})
    return Judgement(
        "warning",
        f"two threads of one core: {'; '.join(pairs)}",
        f"use one thread of each core: taskset -c {','.join(map(str, first_threads))} bench.py run"
        if len(first_threads) > 1
        else "use a machine with more cores, or disable hyper-threading",
    )


def read_siblings(root: Path, cpus: Collection[int]) -> dict[int, list[int]] | None:
    """Return all CPUs of the same core, by each of these CPUs; None if the kernel does not list them."""
    siblings = {}
    for cpu in cpus:
        listed = kernel.text(root / kernel.CPUS / f"cpu{cpu}" / "topology" / "thread_siblings_list")
        if listed is None:
            return None
        siblings[cpu] = _cpu_list(listed)
    return siblings or None


def _cpu_list(listed: str) -> list[int]:
    """Parse the kernel's notation of a list of CPUs, such as `0-1,4`."""
    cpus: list[int] = []
    for part in listed.split(","):
        first, _, last = part.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return cpus


def _core_sharing(machine: Machine) -> Judgement | None:
    siblings = read_siblings(machine.root, machine.cpus)
    return core_sharing(siblings, machine.placement.roles()) if siblings else None


def stolen(share: float | None) -> Judgement | None:
    """Judge CPU steal, by the limit of the check on the run itself."""
    if share is None:
        return None
    return graded(
        f"CPU steal: the host took {share:.1%} of the CPU time that one busy thread wanted",
        "measure while the host is idle, or on a dedicated machine",
        warning=share > STEAL_WARNING,
    )


def speed(reading: cpu_speed.Speed) -> Judgement:
    """Judge the CPU's speed: a median far above the best time means that something else uses the core."""
    figure = f"a fixed loop takes {reading.median_ns:.1f} ns per iteration, {reading.best_ns:.1f} ns at best"
    shared = reading.median_ns > UNSTEADY * reading.best_ns
    return graded(
        f"{figure}: something shares the core" if shared else figure,
        "repeat while the host is idle: not all code slows down by the same factor, so ratios change too",
        warning=shared,
    )


CHECKS: Final[Checks] = {
    "CPUs": lambda machine: cpus(
        cores(), len(machine.cpus) or cores(), can_bind=hasattr(os, "sched_setaffinity")
    ),
    "CPU quota": _quota,
    "shared cores": _core_sharing,
    "stolen CPU": lambda machine: stolen(machine.seen.stolen),
    "CPU speed": lambda _: speed(cpu_speed.look()),
}
