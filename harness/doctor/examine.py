"""All checks of the machine: one row per check, with its reader and its judgement."""

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

#: Seconds of watching other activity: in the command, and at the start of a run.
THOROUGH_S: Final = 1.0
QUICK_S: Final = 0.25
#: Worst first.
_ORDER: Final[tuple[Severity, ...]] = ("blocker", "warning", "unknown", "ok")
#: Files that the load generator and the harness have open besides connections.
_OTHER_FILES: Final = 200


@dataclass(frozen=True)
class Machine:
    """Machine under examination, with the suite that is to run on it.

    Attributes:
        suite: Suite to be measured, for its requirements.
        folder: Folder of results.
        seen: Activity during the check.
        cpus: CPUs that may be used.
        placement: CPUs that a run would assign to each role.
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
    """One check: its name, its reader (which returns None if nothing is reported), and its judgement."""

    check: str
    read: Callable[[Machine], Any]
    judge: Callable[[Any], Judgement]


def _cpus(machine: Machine) -> judge.Cpus:
    present = psutil.cpu_count() or 1
    return judge.Cpus(present, len(machine.cpus) or present, kernel.can_bind())


def _quota(machine: Machine) -> judge.Quota | None:
    limit = cgroups.cpu_limit(machine.root)
    if limit is None:
        return None
    now = machine.seen.throttled
    return judge.Quota(limit.cpus, _cpus(machine).usable, limit.throttled - now, now)


def _battery(_machine: Machine) -> judge.Battery | None:
    if not hasattr(psutil, "sensors_battery"):
        return None
    battery = psutil.sensors_battery()
    return judge.Battery(battery.percent, battery.power_plugged) if battery else judge.Battery()


def _memory(machine: Machine) -> judge.Memory:
    limit = cgroups.memory_limit(machine.root) or cgroups.MemoryLimit(None, None)
    available = float(psutil.virtual_memory().available)
    if limit.free is not None:
        available = min(available, limit.free)
    return judge.Memory(available, forecast(machine.suite).memory_bytes, limit.limit)


def _swap(machine: Machine) -> judge.Swap:
    return judge.Swap(float(psutil.swap_memory().used), machine.seen.swapped)


def _descriptors(machine: Machine) -> judge.Descriptors:
    suite = machine.suite
    users = max(scenario.load.users for scenario in suite.scenarios)
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = suite.instances * len(suite.arms) * users + _OTHER_FILES
    return judge.Descriptors(limit if limit != resource.RLIM_INFINITY else 2**31, needed)


def _disk(machine: Machine) -> judge.Disk:
    folder = machine.folder.resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    needed = forecast(machine.suite).disk_bytes
    return judge.Disk(float(shutil.disk_usage(existing).free), needed)


LOOKS: Final = (
    Look("CPUs", _cpus, judge.cpus),
    Look("CPU quota", _quota, judge.quota),
    Look("shared cores", lambda m: kernel.topology(m.root, m.cpus, m.placement), judge.core_sharing),
    Look("stolen CPU", lambda m: m.seen.stolen, judge.stolen),
    Look("CPU speed", lambda _: cpu_speed.look(), judge.speed),
    Look("other load", lambda m: m.seen.others, judge.other_load),
    Look("other benchmarks", lambda _: software.ours(), judge.ours),
    Look("frequency governor", lambda m: kernel.governors(m.root, m.cpus), judge.governor),
    Look("turbo", lambda m: kernel.turbo(m.root), judge.turbo),
    Look("heat", lambda m: m.seen.heat, judge.heat),
    Look("battery", _battery, judge.battery),
    Look("virtualisation", lambda m: kernel.virtualisation(m.root), judge.virtualisation),
    Look("memory", _memory, judge.memory),
    Look("swap", _swap, judge.swap),
    Look("clock", lambda m: kernel.clock(m.root), judge.clock),
    Look("CPU accounting", lambda m: kernel.has_schedstat(m.root), judge.cpu_accounting),
    Look("open files", _descriptors, judge.descriptors),
    Look("disk", _disk, judge.disk),
    Look("versions", lambda _: software.versions(), judge.versions),
    Look("Python", lambda _: software.python_build(), judge.python_build),
)


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
    return worst_first([_check(look, machine) for look in LOOKS])


def examine_store(redis_url: str | None) -> MachineFinding:
    """Check whether a run would have a store; a run itself notices soon enough if it has none."""
    return _finding("store", judge.store(software.store(redis_url)))


def worst_first(findings: list[MachineFinding]) -> list[MachineFinding]:
    """Sort findings: blockers, warnings, unknown values, and what is in order."""
    return sorted(findings, key=lambda finding: _ORDER.index(finding.concern))


def _check(look: Look, machine: Machine) -> MachineFinding:
    try:
        reading = look.read(machine)
    except (OSError, ValueError, LookupError, psutil.Error):  # a kernel with files of an unknown format
        reading = None
    return _finding(look.check, judge.unknown() if reading is None else look.judge(reading))


def _finding(check: str, judgement: Judgement) -> MachineFinding:
    return MachineFinding(
        check=check, concern=judgement.concern, detail=judgement.detail, remedy=judgement.remedy
    )
