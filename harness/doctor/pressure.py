"""Counters of the machine's pressure on this process: CPU steal, swapped pages and memory stalls."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import psutil


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
        stalled = memory_stalled_s(_read(Path("/proc/pressure/memory")))
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


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
