"""Activity of the machine: counters of the pressure on this process, and what happens in a short time."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness.doctor import kernel


@dataclass(frozen=True)
class Pressure:
    """Counters since the machine started.

    CPU seconds used and stolen, pages swapped, and the seconds in which a task waited for memory, at a moment
    of `time.monotonic`.
    """

    busy_s: float
    stolen_s: float
    swapped: int
    memory_stalled_s: float = 0
    at_s: float = 0

    @classmethod
    def now(cls) -> Pressure:
        """Read the counters; zero if the system does not report a value."""
        times = psutil.cpu_times()
        swap = psutil.swap_memory()
        stolen = float(getattr(times, "steal", 0.0))
        busy = sum(times) - times.idle - getattr(times, "iowait", 0.0)
        stalled = memory_stalled_s(kernel.text(Path("/proc/pressure/memory")) or "")
        return cls(busy, stolen, int(swap.sin + swap.sout), stalled, time.monotonic())

    def since(self, before: Pressure) -> tuple[float, int]:
        """Return the stolen share of the wanted CPU time, and the number of pages swapped, since `before`."""
        busy = self.busy_s - before.busy_s
        return (self.stolen_s - before.stolen_s) / busy if busy > 0 else 0.0, self.swapped - before.swapped

    def memory_stalled_since(self, before: Pressure) -> float:
        """Return the share of the time since `before` in which a task waited for memory."""
        passed = self.at_s - before.at_s
        return (self.memory_stalled_s - before.memory_stalled_s) / passed if passed > 0 else 0.0


def memory_stalled_s(pressure: str) -> float:
    """Return the seconds in the line `some` of Linux's /proc/pressure/memory; 0 if there is none."""
    for line in pressure.splitlines():
        if line.startswith("some "):
            return int(line.rpartition("total=")[2]) / 1e6
    return 0.0


@dataclass(frozen=True)
class Activity:
    """Observed activity; a value is None if the system does not report it.

    Attributes:
        stolen: Share of the wanted CPU time that the host gave to others.
        swapped: Number of pages moved.
        other_cpus: CPU time used by other processes, in CPUs.
        busiest: Other visible processes by name, id and CPU time, the busiest first.
        throttled: Number of times that this control group was throttled.
        heat: Number of slow-downs caused by heat: since the machine started, and meanwhile.
    """

    stolen: float | None
    swapped: int
    other_cpus: float
    busiest: Sequence[tuple[str, int, float]]
    throttled: int
    heat: tuple[int, int] | None


def watch(seconds: float, root: Path = Path("/")) -> Activity:
    """Keep one thread busy for this long and return what else happens meanwhile.

    The busy thread is needed because CPU steal shows only while a thread wants to run.
    """
    pressure, heat = Pressure.now(), kernel.heat_events(root)
    throttled, used = _throttled(root), _used_s()
    cpu_s, by_process, started = time.process_time(), _by_process(), time.monotonic()
    while time.monotonic() - started < seconds:
        pass
    after, elapsed = _by_process(), time.monotonic() - started
    others = max(0.0, _used_s() - used - (time.process_time() - cpu_s))
    stolen, swapped = Pressure.now().since(pressure)
    heat_after = kernel.heat_events(root)
    return Activity(
        stolen=stolen if hasattr(psutil.cpu_times(), "steal") else None,
        swapped=swapped,
        other_cpus=others / elapsed,
        busiest=_busiest(by_process, after, elapsed),
        throttled=_throttled(root) - throttled,
        heat=None if heat_after is None else (heat_after, heat_after - (heat or 0)),
    )


def _used_s() -> float:
    """Return the CPU seconds that processes and kernel have used on all CPUs since the machine started."""
    times = psutil.cpu_times()
    return sum(float(getattr(times, name, 0)) for name in ("user", "nice", "system", "irq", "softirq"))


def _throttled(root: Path) -> int:
    limit = kernel.cpu_limit(root)
    return limit.throttled if limit else 0


def _by_process() -> dict[int, tuple[str, float]]:
    """Return name and CPU seconds of every other visible process, by its id."""
    return {
        process.pid: (process.info["name"] or "?", float(times.user + times.system))
        for process in psutil.process_iter(["name", "cpu_times"])
        if (times := process.info["cpu_times"]) is not None and process.pid != os.getpid()
    }


def _busiest(
    before: dict[int, tuple[str, float]], after: dict[int, tuple[str, float]], elapsed_s: float
) -> list[tuple[str, int, float]]:
    """Return the processes that used CPU time in between, the busiest first."""
    used = [
        (name, pid, (cpu_s - before.get(pid, (name, 0.0))[1]) / elapsed_s)
        for pid, (name, cpu_s) in after.items()
    ]
    return sorted((row for row in used if row[2] > 0), key=lambda row: -row[2])
