"""Activity of the machine in a short span of time, while one thread of this process is busy.

The busy thread is needed because CPU steal shows only while a thread wants to run.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness.doctor import cgroups, kernel
from harness.doctor.checks import Heat, OtherLoad
from harness.doctor.pressure import Pressure


@dataclass(frozen=True)
class Activity:
    """Observed activity; a value is None if the system does not report it.

    Attributes:
        stolen: Share of the wanted CPU time that the host gave to others.
        swapped: Number of pages moved.
        others: CPU time used by other processes.
        throttled: Number of times that this control group was throttled.
        heat: Slow-downs caused by heat.
    """

    stolen: float | None
    swapped: int
    others: OtherLoad
    throttled: int
    heat: Heat | None


def watch(seconds: float, root: Path = Path("/")) -> Activity:
    """Keep one thread busy for this long and return what else happens meanwhile."""
    pressure, heat = Pressure.now(), kernel.heat_events(root)
    throttled, used = _throttled(root), _used_s()
    cpu_s, by_process, started = time.process_time(), _by_process(), time.monotonic()
    while time.monotonic() - started < seconds:
        pass
    after, elapsed = _by_process(), time.monotonic() - started
    others = max(0.0, _used_s() - used - (time.process_time() - cpu_s))
    stolen, swapped = Pressure.now().since(pressure)
    return Activity(
        stolen=stolen if hasattr(psutil.cpu_times(), "steal") else None,
        swapped=swapped,
        others=OtherLoad(others / elapsed, _busiest(by_process, after, elapsed)),
        throttled=_throttled(root) - throttled,
        heat=kernel.heat(kernel.heat_events(root), heat),
    )


def _used_s() -> float:
    """Return the CPU seconds that processes and kernel have used on all CPUs since the machine started."""
    times = psutil.cpu_times()
    return sum(float(getattr(times, name, 0)) for name in ("user", "nice", "system", "irq", "softirq"))


def _throttled(root: Path) -> int:
    limit = cgroups.cpu_limit(root)
    return limit.throttled if limit else 0


def _by_process() -> dict[int, tuple[str, float]]:
    """Return name and CPU seconds of every other visible process, by its id."""
    used = {}
    for process in psutil.process_iter(["name", "cpu_times"]):
        name, times = process.info["name"], process.info["cpu_times"]
        if times is not None and process.pid != os.getpid():
            used[process.pid] = (name or "?", float(times.user + times.system))
    return used


def _busiest(
    before: dict[int, tuple[str, float]], after: dict[int, tuple[str, float]], elapsed_s: float
) -> list[tuple[str, int, float]]:
    """Return the processes that used CPU time in between, the busiest first."""
    used = [
        (name, pid, (cpu_s - before.get(pid, (name, 0.0))[1]) / elapsed_s)
        for pid, (name, cpu_s) in after.items()
    ]
    return sorted((row for row in used if row[2] > 0), key=lambda row: -row[2])
