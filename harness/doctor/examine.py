"""Examination of the machine by all checks of `harness/doctor/checks/`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil

from harness.doctor import activity
from harness.doctor.check import Checks, Judgement, Machine
from harness.doctor.checks import clock, cpu, files, hardware, memory, programs, software
from harness.doctor.checks.store import store
from harness.results.environment import MachineFinding, Severity
from harness.suites.model import Suite
from harness.system.cpus import place, usable_cpus

#: Seconds of watching other activity: in the command, and at the start of a run.
THOROUGH_S: Final = 1.0
QUICK_S: Final = 0.25
#: Worst first.
_ORDER: Final[tuple[Severity, ...]] = ("blocker", "warning", "unknown", "ok")

#: All checks but that of the store, in the order in which they are made.
CHECKS: Final[Checks] = {
    name: check
    for theme in (cpu, programs, hardware, memory, clock, files, software)
    for name, check in theme.CHECKS.items()
}


def examine(suite: Suite, folder: Path, seconds: float, root: Path = Path("/")) -> list[MachineFinding]:
    """Run all checks but that of the store, and return the findings, worst first.

    Args:
        suite: Suite to be measured.
        folder: Folder of results.
        seconds: Seconds of watching other activity.
        root: Root of the file system that the kernel's files are read from.
    """
    seen = activity.watch(seconds, root)
    cpus = frozenset(usable_cpus())
    machine = Machine(suite, folder, seen, cpus, place(cpus, server_processes=suite.processes_each), root)
    return worst_first([_finding(name, _judge(check, machine)) for name, check in CHECKS.items()])


def examine_store(redis_url: str | None) -> MachineFinding:
    """Check whether a run would have a store; a run itself notices soon enough if it has none."""
    return _finding("store", store(redis_url))


def worst_first(findings: list[MachineFinding]) -> list[MachineFinding]:
    """Sort findings: blockers, warnings, unknown values, and what is in order."""
    return sorted(findings, key=lambda finding: _ORDER.index(finding.concern))


def _judge(check: Callable[[Machine], Judgement | None], machine: Machine) -> Judgement:
    try:
        judgement = check(machine)
    except (OSError, ValueError, LookupError, psutil.Error):  # a kernel with files of an unknown format
        judgement = None
    return judgement or Judgement("unknown", "not reported by this system")


def _finding(check: str, judgement: Judgement) -> MachineFinding:
    return MachineFinding(
        check=check, concern=judgement.concern, detail=judgement.detail, remedy=judgement.remedy
    )
