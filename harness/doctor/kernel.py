"""Readings of the kernel's files: heat, and the limits of control groups (version 2 and version 1).

Every function takes the root of the file system, so that tests can show it other machines, and returns None
if the kernel does not report the value: on macOS none of these files exists.

A limit of a parent group also applies to this process, so all groups up to the root are read and the tightest
limit counts. In a container the files often begin at the process's group, whatever path the kernel reports:
both are tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CPUS: Final = Path("sys/devices/system/cpu")
_MOUNT: Final = Path("sys/fs/cgroup")
#: Version 1 expresses "no limit" by a number near the largest possible.
_NO_LIMIT: Final = 2**60


def text(path: Path) -> str | None:
    """Return the content of a small file without its line end; None if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def heat_events(root: Path) -> int | None:
    """Return how often heat slowed down the CPUs since the machine started (x86 on bare metal)."""
    files = (root / CPUS).glob("cpu[0-9]*/thermal_throttle/*_throttle_count")
    # Every CPU of a package counts the package's events: the largest count is the number of events.
    return max((int(count) for file in files if (count := text(file))), default=None)


@dataclass(frozen=True)
class CpuLimit:
    """CPU time allowed, in CPUs (None for no limit), and how often the group was throttled so far."""

    cpus: float | None
    throttled: int


def cpu_limit(root: Path) -> CpuLimit | None:
    """Return the tightest CPU quota; None if no control group reports one."""
    folders = list(_folders(root, "cpu"))
    quotas = [quota for folder in folders if (quota := _quota(folder)) is not None]
    if not any((folder / "cpu.stat").exists() for folder in folders):
        return None
    return CpuLimit(min(quotas, default=None), max(map(_throttled, folders)))


def memory_limit(root: Path) -> tuple[float, float] | None:
    """Return the tightest memory limit and the bytes still free below one; None if no group has a limit."""
    limits = [both for folder in _folders(root, "memory") if (both := _memory(folder)) is not None]
    if not limits:
        return None
    return min(limit for limit, _ in limits), min(free for _, free in limits)


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
