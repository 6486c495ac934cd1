"""CPU time of a process with all its threads and children, those that have ended included.

The kernel's clock of a process counts every thread that it ever had, in nanoseconds; a sum over
/proc/PID/task would lose a thread's time when it ends. Children that have ended are in the account of the
parent that waited for them (/proc/PID/stat), in ticks of 10 ms; nothing else in /proc has them. The rounding
of one reading is undone by the next, so a sum over slots is off by at most two ticks.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_PROC: Final = Path("/proc")
#: A clock id is the complement of a process id, and the kind of clock (clock_getcpuclockid(3)).
_ID_SHIFT: Final = 3
_SCHEDULER_CLOCK: Final = 2
#: Fields of /proc/PID/stat after the name of the program: user and system time of children that have ended.
_CHILDREN_TIMES: Final = slice(13, 15)


@dataclass(frozen=True)
class CpuReading:
    """CPU time of processes until now, and of the CPUs that they may use; all in ns, 0 where unknown.

    Attributes:
        on_ns: Time on CPUs, of all threads and children.
        waiting_ns: Time in which the threads that still run were runnable but waited for a CPU.
        ended_ns: Part of `on_ns` of threads and children that have ended; their waiting is unknown.
        cpus: Number of CPUs that the processes may use.
        cpus_busy_ns: Time in which these CPUs ran any program.
        cpus_irq_ns: Time in which they served interrupts, which some kernels charge to programs too.
    """

    on_ns: int
    waiting_ns: int = 0
    ended_ns: int = 0
    cpus: int = 0
    cpus_busy_ns: int = 0
    cpus_irq_ns: int = 0


def cpu_ns(pid: int) -> int:
    """Return the CPU time of a process with all its threads, in ns, without its children.

    Raises:
        psutil.NoSuchProcess: There is no such process.
    """
    if sys.platform != "linux":
        times = psutil.Process(pid).cpu_times()
        return round((times.user + times.system) * 1e9)
    try:
        return time.clock_gettime_ns(~pid << _ID_SHIFT | _SCHEDULER_CLOCK)
    except OSError:
        raise psutil.NoSuchProcess(pid) from None


def read(pids: Iterable[int]) -> CpuReading:
    """Return the CPU time of processes and of their descendants.

    Lost is the time of ended processes for which no parent waited: of orphans, and of children of a parent
    that ignores SIGCHLD.

    Args:
        pids: Ids of the processes; the CPUs that the first may use are those of all.
    """
    roots = list(pids)
    on_ns = waiting_ns = running_ns = 0
    for pid in _with_children(roots):
        with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            # The account first: a child that ends in between is missed until the next reading, not counted
            # twice.
            ended_ns = _ended_children_ns(pid)
            for ran_ns, waited_ns in _threads(pid):
                running_ns += ran_ns
                waiting_ns += waited_ns
            on_ns += cpu_ns(pid) + ended_ns
    cpus = _usable(roots[0]) if roots else set()
    busy_ns, irq_ns = _busy(cpus)
    return CpuReading(on_ns, waiting_ns, max(0, on_ns - running_ns), len(cpus), busy_ns, irq_ns)


def _with_children(pids: Iterable[int]) -> Iterator[int]:
    """Yield processes, each once, and those of their descendants that have not ended."""
    found: set[int] = set()
    pending = list(pids)
    while pending:
        pid = pending.pop()
        if pid not in found:
            found.add(pid)
            yield pid
            for file in (_PROC / str(pid) / "task").glob("*/children"):
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    pending += map(int, file.read_text().split())


def _threads(pid: int) -> Iterator[tuple[int, int]]:
    """Yield the time on a CPU and the time waiting for one, in ns, of each thread that runs."""
    for file in (_PROC / str(pid) / "task").glob("*/schedstat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # the thread has just ended
            ran_ns, waited_ns, _ = file.read_text().split()
            yield int(ran_ns), int(waited_ns)


def _ended_children_ns(pid: int) -> int:
    """Return the CPU time of the children that a process has waited for, and of theirs; 0 if not Linux."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    return sum(map(int, fields[_CHILDREN_TIMES])) * _tick_ns()


def _usable(pid: int) -> set[int]:
    """Return the CPUs that a process may use; empty if unknown."""
    try:
        return os.sched_getaffinity(pid)
    except (AttributeError, ProcessLookupError):
        return set()


def _busy(cpus: set[int]) -> tuple[int, int]:
    """Return the time in which CPUs ran programs, and in which they served interrupts, in ns."""
    try:
        rows = [line.split() for line in (_PROC / "stat").read_text().splitlines()]
    except FileNotFoundError:
        return 0, 0
    names = {f"cpu{number}" for number in cpus}
    # user, nice, system, idle, iowait, irq, softirq, and stolen time, which is no program's
    times = [list(map(int, row[1:8])) for row in rows if row and row[0] in names]
    busy, irq = sum(sum(row[:3]) for row in times), sum(sum(row[5:7]) for row in times)
    return busy * _tick_ns(), irq * _tick_ns()


def _tick_ns() -> int:
    """Return the unit of times in /proc, in ns."""
    return 1_000_000_000 // os.sysconf("SC_CLK_TCK")
