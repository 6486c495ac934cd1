"""The whole examination: one row a thing that is looked at, with who reads it and who judges the reading."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from harness.doctor import activity, cgroups, cpu_speed, kernel, software
from harness.doctor import checks as judge
from harness.doctor.activity import Activity
from harness.doctor.checks import Judgement
from harness.results.environment import MachineFinding, Severity
from harness.suites.forecast import forecast
from harness.suites.model import Suite
from harness.system.cpus import Placement, place, usable_cpus

#: Seconds of looking at what else happens: by the command, and as a run begins.
THOROUGH_S: Final = 1.0
QUICK_S: Final = 0.25
#: Worst first.
_ORDER: Final[tuple[Severity, ...]] = ("blocker", "warning", "unknown", "ok")
#: What the load generator and the harness have open besides connections.
_OTHER_FILES: Final = 200


@dataclass(frozen=True)
class Machine:
    """What is examined.

    Attributes:
        suite: What is to be measured, for what it needs.
        folder: Where its results go.
        seen: What happened while we looked.
        cpus: CPUs that may be used.
        placement: How a run would deal them out.
        root: Root of the file system that the kernel's files are read from.
    """

    suite: Suite
    folder: Path
    seen: Activity
    cpus: frozenset[int]
    placement: Placement
    root: Path = Path("/")


@dataclass(frozen=True)
class Look:
    """One row: a name, a reading (None where the system does not tell), and what the reading means."""

    check: str
    read: Callable[[Machine], Any]
    judge: Callable[[Any], Judgement]


def _cpus(patient: Machine) -> judge.Cpus:
    present = psutil.cpu_count() or 1
    return judge.Cpus(present, len(patient.cpus) or present, kernel.can_bind())


def _quota(patient: Machine) -> judge.Quota | None:
    limit = cgroups.cpu_limit(patient.root)
    if limit is None:
        return None
    now = patient.seen.throttled
    return judge.Quota(limit.cpus, _cpus(patient).usable, limit.throttled - now, now)


def _battery(_patient: Machine) -> judge.Battery | None:
    if not hasattr(psutil, "sensors_battery"):
        return None
    found = psutil.sensors_battery()
    return judge.Battery(found.percent, found.power_plugged) if found else judge.Battery()


def _memory(patient: Machine) -> judge.Memory:
    limit = cgroups.memory_limit(patient.root) or cgroups.MemoryLimit(None, None)
    available = float(psutil.virtual_memory().available)
    if limit.free is not None:
        available = min(available, limit.free)
    return judge.Memory(available, forecast(patient.suite).memory_bytes, limit.limit)


def _swap(patient: Machine) -> judge.Swap:
    return judge.Swap(float(psutil.swap_memory().used), patient.seen.swapped)


def _descriptors(patient: Machine) -> judge.Descriptors:
    suite = patient.suite
    users = max(scenario.load.users for scenario in suite.scenarios)
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = suite.instances * len(suite.arms) * users + _OTHER_FILES
    return judge.Descriptors(limit if limit != resource.RLIM_INFINITY else 2**31, needed)


def _disk(patient: Machine) -> judge.Disk:
    folder = patient.folder.resolve()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    needed = forecast(patient.suite).disk_bytes
    return judge.Disk(float(shutil.disk_usage(there).free), needed)


LOOKS: Final = (
    Look("CPUs", _cpus, judge.cpus),
    Look("CPU quota", _quota, judge.quota),
    Look("shared cores", lambda p: kernel.topology(p.root, p.cpus, p.placement), judge.core_sharing),
    Look("stolen CPU", lambda p: p.seen.stolen, judge.stolen),
    Look("CPU speed", lambda _: cpu_speed.look(), judge.speed),
    Look("other load", lambda p: p.seen.others, judge.other_load),
    Look("other benchmarks", lambda _: software.ours(), judge.ours),
    Look("frequency governor", lambda p: kernel.governors(p.root, p.cpus), judge.governor),
    Look("turbo", lambda p: kernel.turbo(p.root), judge.turbo),
    Look("heat", lambda p: p.seen.heat, judge.heat),
    Look("battery", _battery, judge.battery),
    Look("virtualisation", lambda p: kernel.virtualisation(p.root), judge.virtualisation),
    Look("memory", _memory, judge.memory),
    Look("swap", _swap, judge.swap),
    Look("clock", lambda p: kernel.clock(p.root), judge.clock),
    Look("CPU accounting", lambda p: kernel.has_schedstat(p.root), judge.cpu_accounting),
    Look("open files", _descriptors, judge.descriptors),
    Look("disk", _disk, judge.disk),
    Look("versions", lambda _: software.versions(), judge.versions),
    Look("Python", lambda _: software.python_build(), judge.python_build),
)


def examine(suite: Suite, folder: Path, seconds: float, root: Path = Path("/")) -> list[MachineFinding]:
    """Look at everything but the store; worst first.

    Args:
        suite: What is to be measured.
        folder: Where its results go.
        seconds: How long to look at what else happens.
        root: Root of the file system that the kernel's files are read from.
    """
    seen = activity.watch(seconds, root)
    cpus = frozenset(usable_cpus())
    patient = Machine(suite, folder, seen, cpus, place(cpus, server_processes=suite.processes_each), root)
    return worst_first([_find(look, patient) for look in LOOKS])


def examine_store(redis_url: str | None) -> MachineFinding:
    """Look whether a run would have a store; a run itself sees that soon enough."""
    return _finding("store", judge.store(software.store(redis_url)))


def worst_first(findings: list[MachineFinding]) -> list[MachineFinding]:
    """What keeps a run from starting, what blurs it, what is not told, what is fine."""
    return sorted(findings, key=lambda finding: _ORDER.index(finding.concern))


def _find(look: Look, patient: Machine) -> MachineFinding:
    try:
        reading = look.read(patient)
    except (OSError, ValueError, LookupError, psutil.Error):  # a file of a kernel that we have not met
        reading = None
    return _finding(look.check, judge.unknown() if reading is None else look.judge(reading))


def _finding(check: str, judgement: Judgement) -> MachineFinding:
    return MachineFinding(
        check=check, concern=judgement.concern, detail=judgement.detail, remedy=judgement.remedy
    )
