"""Checks of open files and of the disk."""

from __future__ import annotations

import resource
from typing import Final

from harness.doctor.check import Checks, Judgement, Machine, graded, megabytes
from harness.suites.forecast import forecast
from harness.system.files import free_bytes

#: Files that the load generator and the harness have open besides connections.
_OTHER_FILES: Final = 200


def descriptors(limit: int, needed: int) -> Judgement:
    """Judge the limit on open files: the load generator has one connection per user and server process."""
    return graded(
        f"{limit:,} files may be open, about {needed:,} needed",
        f"ulimit -n {max(4096, 2 * needed)}",
        warning=limit < needed,
    )


def _descriptors(machine: Machine) -> Judgement:
    suite = machine.suite
    users = max(scenario.load.users for scenario in suite.scenarios)
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = suite.instances * len(suite.arms) * users + _OTHER_FILES
    return descriptors(limit if limit != resource.RLIM_INFINITY else 2**31, needed)


def disk(free: float, needed: float) -> Judgement:
    """Judge the bytes that are free for results, and needed: a full disk ends a run."""
    return graded(
        f"{megabytes(free)} free for results, about {megabytes(needed)} needed",
        "free space (`bench.py clean` removes old runs), or name another folder with --out",
        warning=free < needed,
    )


CHECKS: Final[Checks] = {
    "open files": _descriptors,
    "disk": lambda machine: disk(free_bytes(machine.folder), forecast(machine.suite).disk_bytes),
}
