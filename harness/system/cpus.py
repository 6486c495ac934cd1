"""Which CPUs there are, and which of them servers, store, load generator and harness get.

Where the store runs moves the answer (docs/method.md), so every result names its placement.
"""

import contextlib
import os
import platform
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Placement:
    """CPU numbers by role; an empty list leaves the role where the system puts it."""

    servers: tuple[int, ...] = ()
    store: tuple[int, ...] = ()
    load: tuple[int, ...] = ()
    harness: tuple[int, ...] = ()

    def roles(self) -> dict[str, list[int]]:
        """Role to its CPUs, as the result file has it; empty where nothing is pinned."""
        if not self.servers:
            return {}
        return {role: list(getattr(self, role)) for role in ("servers", "store", "load", "harness")}

    @property
    def store_shares_servers(self) -> bool:
        """Whether store and servers compete for one CPU, as on a small box."""
        return set(self.servers) == set(self.store)


def place(cpus: Collection[int], load_processes: int = 1, server_processes: int = 1) -> Placement:
    """Give servers one CPU and every load process another; then come the store and the harness.

    Servers of several processes get as many CPUs as they can use, less one that is left for the store.

    With too few, the store shares the servers' CPU, which is what a small box pays, rather than the load's,
    which would flatter sessions; the harness, which sleeps while anything is measured, shares the store's or
    the load's. With one CPU nothing can be kept apart and nothing is pinned.

    Raises:
        ValueError: There are not enough for so many load processes.
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
    servers, others = tuple(ordered[:count]), ordered[count:]
    load, spare = tuple(others[:load_processes]), others[load_processes:]
    match spare:
        case []:
            return Placement(servers, servers, load, (load[-1],))
        case [store]:
            return Placement(servers, (store,), load, (store,))
        case [store, harness, *_]:
            return Placement(servers, (store,), load, (harness,))
    raise AssertionError("unreachable")


def cores() -> int:
    """How many CPUs there are."""
    return psutil.cpu_count() or 1


def cpu_model() -> str:
    """What the system calls this CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def pin(pid: int, cpus: Sequence[int]) -> None:
    """Put every thread of a process on these CPUs, as far as they live.

    Does nothing where the system cannot (macOS).
    """
    if not cpus or not hasattr(os, "sched_setaffinity"):
        return
    with contextlib.suppress(FileNotFoundError):
        for thread in list(Path(f"/proc/{pid}/task").iterdir()):
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), cpus)


def usable_cpus() -> set[int]:
    """The CPUs this process may use; empty where the system cannot tell or pin."""
    return set(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else set()
