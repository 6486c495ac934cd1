"""Checks of memory and swapping."""

from __future__ import annotations

from typing import Final

import psutil

from harness.doctor import kernel
from harness.doctor.check import Checks, Judgement, Machine, graded, megabytes
from harness.suites.forecast import forecast


def memory(available: float, needed: float, limit: float | None = None) -> Judgement:
    """Judge the memory, in bytes: a run that does not fit is swapped, or its servers are killed."""
    limited = f" (the control group's limit is {megabytes(limit)})" if limit is not None else ""
    return graded(
        f"{megabytes(available)} available, about {megabytes(needed)} needed{limited}",
        "free memory, raise the limit, or use a suite with fewer instances",
        warning=available < needed,
    )


def _memory(machine: Machine) -> Judgement:
    available, needed = float(psutil.virtual_memory().available), forecast(machine.suite).memory_bytes
    limit, free = kernel.memory_limit(machine.root) or (None, available)
    return memory(min(available, free), needed, limit)


def swap(used: float, moved: int) -> Judgement:
    """Judge swapping: processes wait for pages that are moved; pages that stay swapped out do no harm."""
    return graded(
        f"{megabytes(used)} in use, {moved} pages moved during the check",
        "free memory until swapping ends, or: sudo swapoff --all",
        warning=moved > 0,
    )


CHECKS: Final[Checks] = {
    "memory": _memory,
    "swap": lambda machine: swap(psutil.swap_memory().used, machine.seen.swapped),
}
