"""What must be alike for the times of two results to be set side by side, and what may differ. Pure.

Microseconds belong to a machine and to the way they were measured. Two results with one fingerprint come from
such a pair, as far as a result tells: two virtual machines of one kind look alike. What differs in the
software is no obstacle, but the very thing that is compared.
"""

from __future__ import annotations

from typing import Final

from harness.report.content import environment
from harness.results.model import Result

#: Machines whose fixed loops take times within this factor are as fast as each other.
ALIKE: Final = 1.1
_END: Final = {"arrived": "when it arrived", "read": "when it was read"}


def fingerprint(result: Result) -> dict[str, str]:
    """What must be alike, each under a name for people."""
    machine = result.environment
    cuts = {
        f"slots of {row.scenario} ({row.load})": f"{row.lead_ms:g} + {row.slot_ms:g} ms after"
        f" {row.warmup_requests} requests"
        for row in result.run.slots
    }
    elsewhere = {
        f"machine of {arm}": f"{one.host}: {one.cpu}, {one.cores} cores"
        for one in machine.agents
        for arm in one.arms
    }
    return (
        {
            "CPU": f"{machine.cpu}, {machine.cores} cores",
            "kernel": machine.kernel,
            "placement": environment.placement(result),
            "end of an answer": _END[result.run.answers_end],
        }
        | elsewhere
        | cuts
    )


def subject(result: Result) -> dict[str, str]:
    """The software that was measured, each part under a name for people."""
    about = result.environment
    return {
        "Python": about.python,
        "event loop": about.servers.get("loop", "not recorded"),
        "password cost": about.servers.get("password_cost", "not recorded"),
        "store": f"{about.store.name} {about.store.version}, {about.store.source}",
        "servers' code": about.servers.get("digest", "not recorded")[:12],
        "revision": _revision(result),
    } | about.packages


def obstacles(one: Result, other: Result) -> dict[str, tuple[str, str]]:
    """What keeps the times of two results from being set side by side; nothing where they may be."""
    found = differences(fingerprint(one), fingerprint(other))
    turns_ns = one.environment.turn_ns, other.environment.turn_ns
    if speed_difference(one, other) > ALIKE:
        found["speed"] = (f"{turns_ns[0]:.1f} ns a turn", f"{turns_ns[1]:.1f} ns a turn")
    return found


def speed_difference(one: Result, other: Result) -> float:
    """How many times as long the slower of two machines took for a fixed loop.

    1 where one did not look, or the loop ran on another Python, whose speed is no machine's.
    """
    then, now = one.environment.turn_ns, other.environment.turn_ns
    if then is None or now is None or one.environment.python != other.environment.python:
        return 1.0
    return max(then / now, now / then)


def differences(one: dict[str, str], other: dict[str, str]) -> dict[str, tuple[str, str]]:
    """What both name and name differently; a scenario that only one has is no difference between machines."""
    return {name: (one[name], other[name]) for name in one if name in other and one[name] != other[name]}


def _revision(result: Result) -> str:
    git = result.environment.git
    if git.revision is None:
        return "no checkout"
    return git.revision[:12] + (" with changes" if git.dirty else "")
