"""The CPU time and memory of one server instance: all its processes, read wherever they run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Protocol

import psutil

from harness.load.usage import CpuReading, read_cpu, resident_bytes
from harness.system import processes

#: Processes by id and the time each began: an id may be used again.
Family = frozenset[tuple[int, float]]


class Meter(Protocol):
    """Reads one instance."""

    def meet(self) -> Family:
        """Find out which processes serve it now; the readings that follow are of these."""

    def cpu(self) -> CpuReading:
        """CPU time of all of them until now."""

    def resident_bytes(self) -> int:
        """Resident memory of all of them."""


class ProcessMeter:
    """Reads a process of this machine, and those that it has started.

    Args:
        pid: Of the process that all others come from.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._members = [pid]

    @property
    def members(self) -> list[int]:
        """The ids of those that were met, the first one first."""
        return self._members

    def meet(self) -> Family:
        """Find out which processes there are, the one that all come from included."""
        found = processes.family(self.pid)
        self._members = sorted((pid for pid, _ in found), key=lambda pid: (pid != self.pid, pid)) or [
            self.pid
        ]
        return found

    def cpu(self) -> CpuReading:
        """CPU time of all of them until now."""
        return cpu_of(self._members)

    def resident_bytes(self) -> int:
        """Resident memory of all of them."""
        return resident_bytes_of(self._members)


def cpu_of(pids: Iterable[int]) -> CpuReading:
    """CPU time of these processes until now; one that has just ended counts no more."""
    readings = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            readings.append(read_cpu(pid))
    return CpuReading(sum(one.on_ns for one in readings), sum(one.waiting_ns for one in readings))


def resident_bytes_of(pids: Iterable[int]) -> int:
    """Resident memory of these; pages that several share count for each."""
    sizes = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            sizes.append(resident_bytes(pid))
    return sum(sizes)
