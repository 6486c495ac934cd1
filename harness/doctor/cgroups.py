"""Limits that control groups set on CPU time and memory, of version 2 and of version 1.

A limit of any group above ours binds us too, so all of them up to the root are asked and the tightest counts.
In a container the files often begin at our own group, whatever path the kernel names: both are tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.doctor.kernel import text

_MOUNT: Final = Path("sys/fs/cgroup")
#: Version 1 says "no limit" by a number near the largest there is.
_NO_LIMIT: Final = 2**60


@dataclass(frozen=True)
class CpuLimit:
    """CPU time allowed, in CPUs (None for no limit), and how often the group was made to wait so far."""

    cpus: float | None
    throttled: int


@dataclass(frozen=True)
class MemoryLimit:
    """Bytes allowed (None for no limit), and bytes still free below the limit."""

    limit: float | None
    free: float | None


def cpu_limit(root: Path) -> CpuLimit | None:
    """The tightest CPU quota; None where no control group tells."""
    folders = list(_folders(root, "cpu"))
    quotas = [quota for folder in folders if (quota := _quota(folder)) is not None]
    if not any((folder / "cpu.stat").exists() for folder in folders):
        return None
    return CpuLimit(min(quotas, default=None), max((_throttled(folder) for folder in folders), default=0))


def memory_limit(root: Path) -> MemoryLimit | None:
    """The tightest memory limit; None where no control group tells."""
    folders = list(_folders(root, "memory"))
    if not folders:
        return None
    limits = [found for folder in folders if (found := _memory(folder)) is not None]
    if not limits:
        return MemoryLimit(None, None)
    return MemoryLimit(min(limit for limit, _ in limits), min(free for _, free in limits))


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """Our group's folder for a controller and those above it, as far as they are there."""
    for line in (text(root / "proc/self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if number == "0" and not names:
            mount = root / _MOUNT
            if not (mount / "cgroup.controllers").exists():
                continue  # version 1 rules here, version 2 only keeps names
        elif controller in names.split(","):
            mount = root / _MOUNT / controller  # a link to `cpu,cpuacct` where the two are one
        else:
            continue
        own = mount.joinpath(*Path(path).parts[1:])
        yield from (
            folder for folder in (own, *own.parents) if folder.is_relative_to(mount) and folder.exists()
        )


def _quota(folder: Path) -> float | None:
    both = (text(folder / "cpu.max") or "").split()  # version 2: quota and period, or `max`
    if not both:
        both = [text(folder / f"cpu.cfs_{name}_us") or "" for name in ("quota", "period")]
    quota, period = (both[0], both[1]) if len(both) == 2 else ("", "")
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
