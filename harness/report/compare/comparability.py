"""Conditions under which the times of two results are comparable. Pure.

Absolute times depend on the machine and on the way of measuring. Two results with the same fingerprint agree
in both, as far as results record them: two virtual machines of one kind look the same. Differences in
software are no obstacle: they are what a comparison is for.
"""

from __future__ import annotations

from typing import Final

from harness.report.content import environment
from harness.results.model import Result

#: Machines are equally fast if their times for a fixed loop differ by no more than this factor.
ALIKE: Final = 1.1
_END: Final = {"arrived": "kernel receive timestamp", "read": "read by the load generator"}


def fingerprint(result: Result) -> dict[str, str]:
    """Return the conditions that must be equal, by a readable name."""
    machine, store = result.environment, result.environment.store
    return {
        "CPU": environment.hardware(machine),
        "kernel": machine.kernel,
        "placement": environment.placement(result),
        **({"link to the store": environment.STORE_LINKS[store.link]} if store.source == "embedded" else {}),
        "response end time": _END[result.run.answers_end],
        **{
            f"machine of {arm}": f"{agent.host}: {environment.hardware(agent)}"
            for agent in machine.agents
            for arm in agent.arms
        },
        **{
            f"slots of {row.scenario} ({row.load})": f"{row.lead_ms:g} + {row.slot_ms:g} ms after"
            f" {row.warmup_requests} warm-up requests"
            + (f", {row.lead_requests} or more in each lead-in" if row.lead_requests else "")
            for row in result.run.slots
        },
    }


def subject(result: Result) -> dict[str, str]:
    """Return the software that was measured, by a readable name."""
    software = result.environment
    store, revision, dirty = software.store, software.git.revision, software.git.dirty
    return {
        "Python": software.python,
        "event loop": software.servers.get("loop", "not recorded"),
        "password cost": software.servers.get("password_cost", "not recorded"),
        "store": f"{store.name} {store.version}, {store.source}",
        "servers' code": software.servers.get("digest", "not recorded")[:12],
        "revision": "no checkout" if revision is None else revision[:12] + (" with changes" if dirty else ""),
    } | software.packages


def obstacles(base: Result, other: Result) -> dict[str, tuple[str, str]]:
    """Return the conditions that make the times of two results incomparable; empty if there are none."""
    differing = differences(fingerprint(base), fingerprint(other))
    if speed_difference(base, other) > ALIKE:
        then, now = (f"{side.environment.turn_ns:.1f} ns per loop iteration" for side in (base, other))
        differing["CPU speed"] = then, now
    return differing


def speed_difference(base: Result, other: Result) -> float:
    """Return how many times as long the slower of two machines took for a fixed loop.

    1 if a result has no such time, or if the loops ran on different versions of Python.
    """
    then, now = base.environment.turn_ns, other.environment.turn_ns
    if then is None or now is None or base.environment.python != other.environment.python:
        return 1.0
    return max(then / now, now / then)


def differences(base: dict[str, str], other: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return the values that differ; a name that only one side has, such as a scenario, is no difference."""
    return {name: (base[name], other[name]) for name in base if name in other and base[name] != other[name]}
