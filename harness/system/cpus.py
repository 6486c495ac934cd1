"""CPUs of the machine, and which of them the servers, store, load generator and harness get.

Where the store runs changes the result (docs/method.md), so every result names its placement.
"""

import contextlib
import os
import platform
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Placement:
    """CPU numbers by role; a role without CPUs is not pinned."""

    servers: tuple[int, ...] = ()
    store: tuple[int, ...] = ()
    load: tuple[int, ...] = ()
    harness: tuple[int, ...] = ()

    def roles(self) -> dict[str, list[int]]:
        """Return the CPUs of each role, as in the result file; empty if nothing is pinned."""
        return {role: list(cpus) for role, cpus in asdict(self).items()} if self.servers else {}


def place(cpus: Collection[int], load_processes: int = 1, server_processes: int = 1) -> Placement:
    """Assign CPUs: one to the servers and one to each load process, then to the store and the harness.

    Servers of several processes get as many CPUs as they can use, less one that is left for the store.

    With too few CPUs the store shares the servers' CPU, as on a small machine, and not the load's, which
    would favour sessions. The harness, which sleeps while anything is measured, shares the store's or the
    load's CPU. With one CPU nothing can be separated and nothing is pinned.

    Raises:
        ValueError: There are too few CPUs for the load processes.
    """
    if len(cpus) < 2:
        return Placement()
    if len(cpus) < 1 + load_processes:
        raise ValueError(
            f"{load_processes} load processes and a server need {1 + load_processes} CPUs, and there are"
            f" {len(cpus)}"
        )
    ordered = sorted(cpus)
    count = max(1, min(server_processes, len(ordered) - load_processes - 1))
    servers, others = tuple(ordered[:count]), tuple(ordered[count:])
    load, spare = others[:load_processes], others[load_processes:]
    return Placement(servers, spare[:1] or servers, load, spare[1:2] or spare[:1] or load[-1:])


def cores() -> int:
    """Return the number of CPUs."""
    return psutil.cpu_count() or 1


def cpu_model() -> str:
    """Return the system's name of this CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def pin(pid: int, cpus: Sequence[int]) -> None:
    """Pin every thread of a process to these CPUs; threads that have ended are skipped.

    Does nothing if the system cannot pin processes (macOS).
    """
    if not cpus or not hasattr(os, "sched_setaffinity"):
        return
    with contextlib.suppress(FileNotFoundError):
        for thread in list(Path(f"/proc/{pid}/task").iterdir()):
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), cpus)


def usable_cpus() -> set[int]:
    """Return the CPUs that this process may use; empty if the system cannot report or pin them."""
    return set(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else set()
