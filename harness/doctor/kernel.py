"""Readings of CPUs, clocks and virtualisation from the kernel's files.

Every function takes the root of the file system, so that tests can show it other machines, and returns None
if the kernel does not report the value: on macOS none of these files exists.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final

from harness.doctor.checks import ClockResolution, Heat, Topology, Turbo, Virtualisation
from harness.system.cpus import Placement

_CPUS: Final = Path("sys/devices/system/cpu")
_CLOCK: Final = Path("sys/devices/system/clocksource/clocksource0")


def text(path: Path) -> str | None:
    """Return the content of a small file without its line end; None if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def topology(root: Path, cpus: Collection[int], placement: Placement) -> Topology | None:
    """Return which of these CPUs are threads of one core."""
    siblings = {}
    for cpu in cpus:
        listed = text(root / _CPUS / f"cpu{cpu}" / "topology" / "thread_siblings_list")
        if listed is None:
            return None
        siblings[cpu] = _cpu_list(listed)
    return Topology(siblings, placement.roles()) if siblings else None


def _cpu_list(listed: str) -> list[int]:
    """Parse the kernel's notation of a list of CPUs, such as `0-1,4`."""
    cpus: list[int] = []
    for part in listed.split(","):
        first, _, last = part.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return cpus


def governors(root: Path, cpus: Collection[int]) -> dict[int, str] | None:
    """Return the frequency governor of each CPU; None if the host does not expose it."""
    names = {cpu: text(root / _CPUS / f"cpu{cpu}" / "cpufreq" / "scaling_governor") for cpu in cpus}
    return {cpu: name for cpu, name in names.items() if name} or None


def turbo(root: Path) -> Turbo | None:
    """Return the state of turbo: Intel's driver has a switch that disables it, others one that enables it."""
    for path, on in ((_CPUS / "intel_pstate" / "no_turbo", "0"), (_CPUS / "cpufreq" / "boost", "1")):
        state = text(root / path)
        if state is not None:
            off = "1" if on == "0" else "0"
            return Turbo(state == on, f"echo {off} | sudo tee /{path.as_posix()}")
    return None


def heat_events(root: Path) -> int | None:
    """Return how often heat slowed down the CPUs since the machine started (x86 on bare metal)."""
    files = list((root / _CPUS).glob("cpu[0-9]*/thermal_throttle/*_throttle_count"))
    counts = [int(count) for file in files if (count := text(file))]
    # Every CPU of a package counts the package's events: the largest count is the number of events.
    return max(counts) if counts else None


def heat(since_start: int | None, before: int | None) -> Heat | None:
    """Combine two readings of `heat_events`."""
    return None if since_start is None else Heat(since_start, since_start - (before or 0))


def virtualisation(root: Path) -> Virtualisation | None:
    """Return whether this is a virtual machine or a container; None if neither can be known."""
    machine = _virtual_machine(root)
    return None if machine is None else Virtualisation(machine, _container(root))


def _virtual_machine(root: Path) -> bool | None:
    for line in (text(root / "proc/cpuinfo") or "").splitlines():
        if line.startswith("flags"):  # only x86 has this line, with a bit that every hypervisor sets
            return "hypervisor" in line.split()
    detect = shutil.which("systemd-detect-virt")
    if detect is None or root != Path("/"):
        return None
    done = subprocess.run([detect, "--vm"], capture_output=True, text=True, timeout=5, check=False)
    return done.stdout.strip() != "none" if done.stdout else None


def _container(root: Path) -> str | None:
    marks = {"docker": ".dockerenv", "podman": "run/.containerenv"}
    named = next((name for name, mark in marks.items() if (root / mark).exists()), None)
    if named is None and "kubepods" in (text(root / "proc/self/cgroup") or ""):
        return "kubernetes"
    return named


def clock(root: Path) -> ClockResolution:
    """Return the resolution of Python's clock for durations, and the kernel's source of it."""
    available = text(root / _CLOCK / "available_clocksource")
    return ClockResolution(
        time.get_clock_info("perf_counter").resolution,
        text(root / _CLOCK / "current_clocksource"),
        tuple((available or "").split()),
    )


def has_schedstat(root: Path) -> bool | None:
    """Whether CPU time is counted in nanoseconds; None on systems without such a file."""
    if platform.system() != "Linux":
        return None
    return (root / "proc/self/schedstat").exists()


def can_bind() -> bool:
    """Whether this system can pin processes to CPUs."""
    return hasattr(os, "sched_setaffinity")
