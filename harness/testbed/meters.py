"""The CPU time and memory of one server instance: all its processes, read wherever they run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final, Protocol

import psutil
import redis

from harness.errors import EnvironmentFailedError, OutOfReachError
from harness.system import processes
from harness.testbed.store import nodes as store_nodes

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
        found = processes.process_tree(self.pid)
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


#: Commands that no request asked for: this accounting's own, those of Sentinels and replicas, and what is
#: said when a connection is opened. A pool that grows within a slot would count as commands of requests, and
#: a budget such as `cookie.store_ops <= 1` would fail by chance.
_OTHERS_COMMANDS: Final = (
    "cmdstat_auth",
    "cmdstat_client",
    "cmdstat_client|setinfo",
    "cmdstat_client|setname",
    "cmdstat_hello",
    "cmdstat_readonly",
    "cmdstat_select",
    "cmdstat_info",
    "cmdstat_ping",
    "cmdstat_publish",
    "cmdstat_replconf",
    "cmdstat_psync",
)


#: Within the store, since there may be a million keys.
_MEMORY_OF_SOME: Final = """
local found = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 10000)
local bytes = 0
for _, key in ipairs(found[2]) do bytes = bytes + (redis.call('MEMORY', 'USAGE', key) or 0) end
return {found[1], bytes}
"""


@dataclass(frozen=True)
class CpuReading:
    """A process's time on its CPUs, and in line for one that others had; both in ns, all threads."""

    on_ns: int
    waiting_ns: int


def read_cpu(pid: int) -> CpuReading:
    """The CPU time of a process until now.

    Linux counts it in /proc/PID/task/*/schedstat to the nanosecond; elsewhere psutil's figure serves, and
    nobody counts the waiting.
    """
    try:
        tasks = [(task / "schedstat").read_bytes().split() for task in Path(f"/proc/{pid}/task").iterdir()]
        return CpuReading(sum(int(task[0]) for task in tasks), sum(int(task[1]) for task in tasks))
    except FileNotFoundError:
        times = psutil.Process(pid).cpu_times()
        return CpuReading(round((times.user + times.system) * 1e9), 0)


def cpu_ns(pid: int) -> int:
    """CPU time of all threads of a process, in ns."""
    return read_cpu(pid).on_ns


def resident_bytes(pid: int) -> int:
    """Resident memory of a process."""
    return int(psutil.Process(pid).memory_info().rss)


@dataclass(frozen=True)
class StoreReading:
    """The store's counters at one moment: CPU in ns, commands served."""

    at_ns: int
    cpu_ns: int
    commands: int


class StoreMeter:
    """Reads the store by its own INFO, which any Redis or Valkey answers, wherever it runs.

    What asking costs, and what an idle store costs, is measured once and taken off (`spent`).

    Args:
        nodes: All that hold keys: one, or the masters of a cluster, whose figures are added up. What replicas
            and Sentinels spend is not counted.
    """

    def __init__(self, *nodes: redis.Redis) -> None:
        self._nodes = nodes
        self._asking_ns = 0.0
        self._idle_share = 0.0

    def calibrate(self, idle_s: float = 0.3) -> None:
        """Measure what asking and idling cost; nothing else may use the store meanwhile."""
        pairs = [(self.read(), self.read()) for _ in range(20)]
        self._asking_ns = median(after.cpu_ns - before.cpu_ns for before, after in pairs)
        before = self.read()
        time.sleep(idle_s)
        after = self.read()
        idle_ns = after.cpu_ns - before.cpu_ns - self._asking_ns
        self._idle_share = max(0.0, idle_ns / (after.at_ns - before.at_ns))

    def read(self) -> StoreReading:
        """The counters now; OutOfReachError where the store does not answer."""
        cpu_s, commands = 0.0, 0
        for node in self._nodes:
            pipeline = node.pipeline(transaction=False)
            pipeline.info("cpu")
            pipeline.info("commandstats")
            try:
                cpu, stats = pipeline.execute()
            except store_nodes.FAILURES as error:
                raise OutOfReachError(f"the session store stopped answering: {error}") from error
            cpu_s += cpu["used_cpu_user"] + cpu["used_cpu_sys"]
            commands += _commands(stats)
        return StoreReading(time.monotonic_ns(), round(cpu_s * 1e9), commands)

    def spent(self, before: StoreReading, after: StoreReading) -> tuple[float, int]:
        """CPU in ns, and commands, that others caused between two readings."""
        idle_ns = self._idle_share * (after.at_ns - before.at_ns)
        return after.cpu_ns - before.cpu_ns - self._asking_ns - idle_ns, after.commands - before.commands

    def memory(self, prefix: str) -> int:
        """Bytes that the keys with this prefix take, names and all, by MEMORY USAGE."""
        try:
            return sum(_memory(node, prefix) for node in self._nodes)
        except store_nodes.FAILURES as error:
            raise EnvironmentFailedError(f"the session store stopped answering: {error}") from error


def _memory(node: redis.Redis, prefix: str) -> int:
    """What those take that one node holds."""
    memory_of_some = node.register_script(_MEMORY_OF_SOME)
    total, cursor = 0, b"0"
    while True:
        cursor, some = memory_of_some(args=[cursor, f"{prefix}*"])
        total += int(some)
        if cursor == b"0":
            return total


def _commands(stats: Mapping[str, Any]) -> int:
    return sum(int(row["calls"]) for name, row in stats.items() if name not in _OTHERS_COMMANDS)


class ServerMeter(Protocol):
    """Reads one server instance (`harness.testbed.meters`)."""

    def cpu(self) -> CpuReading:
        """CPU time of all its processes until now."""
