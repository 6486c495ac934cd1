"""CPU time and memory of one server instance with all its processes, and CPU and commands of the store."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from statistics import median
from typing import Final, Protocol

import psutil
import redis

from harness.errors import OutOfReachError
from harness.system import processes
from harness.testbed import cpu_clock
from harness.testbed.cpu_clock import CpuReading
from harness.testbed.store import nodes as store_nodes

#: Processes by id and start time: an id may be reused.
Family = frozenset[tuple[int, float]]


class Meter(Protocol):
    """Meter of one server instance."""

    def meet(self) -> Family:
        """Return the processes that serve it now; later readings are of these."""

    def cpu(self) -> CpuReading:
        """Return the CPU time of all of them until now."""

    def resident_bytes(self) -> int:
        """Return the resident memory of all of them."""


class LocalMeter:
    """Meter of processes of this machine.

    Attributes:
        members: Ids of the processes.
    """

    members: list[int]

    def cpu(self) -> CpuReading:
        """Return the CPU time of all of them until now, and of what they started."""
        return cpu_clock.read(self.members)

    def resident_bytes(self) -> int:
        """Return the resident memory of all of them; shared pages count for each."""
        total = 0
        for pid in self.members:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += int(psutil.Process(pid).memory_info().rss)
        return total


class ProcessMeter(LocalMeter):
    """Meter of a process and its descendants: those of the last `meet`, the root first.

    Args:
        pid: Id of the root process.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.members = [pid]

    def meet(self) -> Family:
        """Return the root process and its descendants; later readings are of these."""
        family = processes.process_tree(self.pid)
        descendants = {pid for pid, _ in family} - {self.pid}
        self.members = [self.pid, *sorted(descendants)]
        return family


#: Commands that no request caused: those of this meter, of Sentinels and replicas, and of opening a
#: connection. A pool that grows within a slot would count as commands of requests, and a budget such as
#: `cookie.store_ops <= 1` would fail by chance.
_OVERHEAD_COMMANDS: Final = (
    *("auth", "client", "client|setinfo", "client|setname", "hello", "readonly", "select", "info", "ping"),
    *("publish", "replconf", "psync"),
)
#: Runs within the store, since there may be a million keys.
_MEMORY_OF_PAGE: Final = """
local page = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 10000)
local bytes = 0
for _, key in ipairs(page[2]) do bytes = bytes + (redis.call('MEMORY', 'USAGE', key) or 0) end
return {page[1], bytes}
"""


@dataclass(frozen=True)
class StoreReading:
    """Counters of the store at one moment: CPU in ns, commands served."""

    at_ns: int
    cpu_ns: int
    commands: int


class StoreMeter:
    """Meter of the store by its INFO command, which any Redis or Valkey answers, wherever it runs.

    The cost of a query and of an idle store is measured once and subtracted (`spent`).

    Args:
        nodes: Nodes that hold keys: one, or the masters of a cluster, which are added up. Replicas and
            Sentinels are not counted.
    """

    def __init__(self, *nodes: redis.Redis) -> None:
        self._nodes = nodes
        self._query_ns = 0.0
        self._idle_share = 0.0

    def calibrate(self, idle_s: float = 0.3) -> None:
        """Measure the cost of a query and of an idle store; nothing else may use the store meanwhile."""
        pairs = [(self.read(), self.read()) for _ in range(20)]
        self._query_ns = median(after.cpu_ns - before.cpu_ns for before, after in pairs)
        before = self.read()
        time.sleep(idle_s)
        after = self.read()
        idle_ns = after.cpu_ns - before.cpu_ns - self._query_ns
        self._idle_share = max(0.0, idle_ns / (after.at_ns - before.at_ns))

    def read(self) -> StoreReading:
        """Return the counters now; raise OutOfReachError if the store does not answer."""
        cpu_s, commands = 0.0, 0
        for node in self._nodes:
            pipeline = node.pipeline(transaction=False)
            pipeline.info("cpu")
            pipeline.info("commandstats")
            with store_nodes.answering(OutOfReachError):
                cpu, stats = pipeline.execute()
            cpu_s += cpu["used_cpu_user"] + cpu["used_cpu_sys"]
            commands += sum(
                int(row["calls"])
                for name, row in stats.items()
                if name.removeprefix("cmdstat_") not in _OVERHEAD_COMMANDS
            )
        return StoreReading(time.monotonic_ns(), round(cpu_s * 1e9), commands)

    def spent(self, before: StoreReading, after: StoreReading) -> tuple[float, int]:
        """Return CPU in ns, and commands, between two readings, without the meter's and the idle share."""
        idle_ns = self._idle_share * (after.at_ns - before.at_ns)
        return after.cpu_ns - before.cpu_ns - self._query_ns - idle_ns, after.commands - before.commands

    @store_nodes.answering()
    def memory(self, prefix: str) -> int:
        """Return the memory of the keys with this prefix, in bytes by MEMORY USAGE, names included."""
        return sum(_memory(node, prefix) for node in self._nodes)


def _memory(node: redis.Redis, prefix: str) -> int:
    """Return the memory of the keys of one node."""
    memory_of_page = node.register_script(_MEMORY_OF_PAGE)
    total, cursor = 0, b"0"
    while True:
        cursor, page_bytes = memory_of_page(args=[cursor, f"{prefix}*"])
        total += int(page_bytes)
        if cursor == b"0":
            return total
