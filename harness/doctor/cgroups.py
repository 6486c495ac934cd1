"""Limits that control groups (version 2 and version 1) set on CPU time and memory.

A limit of a parent group also applies to this process, so all groups up to the root are read and the tightest
limit counts. In a container the files often begin at the process's group, whatever path the kernel reports:
both are tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.doctor.kernel import text

_MOUNT: Final = Path("sys/fs/cgroup")
#: Version 1 expresses "no limit" by a number near the largest possible.
_NO_LIMIT: Final = 2**60


@dataclass(frozen=True)
class CpuLimit:
    """CPU time allowed, in CPUs (None for no limit), and how often the group was throttled so far."""

    cpus: float | None
    throttled: int


@dataclass(frozen=True)
class MemoryLimit:
    """Bytes allowed (None for no limit), and bytes still free below the limit."""

    limit: float | None
    free: float | None


def cpu_limit(root: Path) -> CpuLimit | None:
    """Return the tightest CPU quota; None if no control group reports one."""
    folders = list(_folders(root, "cpu"))
    quotas = [quota for folder in folders if (quota := _quota(folder)) is not None]
    if not any((folder / "cpu.stat").exists() for folder in folders):
        return None
    return CpuLimit(min(quotas, default=None), max((_throttled(folder) for folder in folders), default=0))


def memory_limit(root: Path) -> MemoryLimit | None:
    """Return the tightest memory limit; None if no control group reports one."""
    folders = list(_folders(root, "memory"))
    if not folders:
        return None
    limits = [both for folder in folders if (both := _memory(folder)) is not None]
    if not limits:
        return MemoryLimit(None, None)
    return MemoryLimit(min(limit for limit, _ in limits), min(free for _, free in limits))


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folder of this process's group for a controller and its parents, as far as they exist."""
    for line in (text(root / "proc/self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if number == "0" and not names:
            mount = root / _MOUNT
            if not (mount / "cgroup.controllers").exists():
                continue  # version 1 sets the limits, version 2 only keeps names
        elif controller in names.split(","):
            mount = root / _MOUNT / controller  # a link to `cpu,cpuacct` if the two are combined
        else:
            continue
        group = mount.joinpath(*Path(path).parts[1:])
        yield from (
            folder for folder in (group, *group.parents) if folder.is_relative_to(mount) and folder.exists()
        )


def _quota(folder: Path) -> float | None:
    words = (text(folder / "cpu.max") or "").split()  # version 2: quota and period, or `max`
    if not words:
        words = [text(folder / f"cpu.cfs_{name}_us") or "" for name in ("quota", "period")]
    quota, period = (words[0], words[1]) if len(words) == 2 else ("", "")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def _throttled(folder: Path) -> int:
    rows = dict(line.split() for line in (text(folder / "cpu.stat") or "").splitlines())
    return int(rows.get("nr_throttled", 0))


def _memory(folder: Path) -> tuple[float, float] | None:
    for limit_file, used_file in (
        ("memory.max", "memory.current"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        limit, used = text(folder / limit_file), text(folder / used_file)
        if limit and used and limit.isdigit() and int(limit) < _NO_LIMIT:
            return float(limit), max(0.0, float(limit) - float(used))
    return None
