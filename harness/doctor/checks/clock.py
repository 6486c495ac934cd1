"""Checks of the clock that measures durations, and of the kernel's count of CPU time."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.doctor.check import Checks, Judgement, Machine, graded
from harness.doctor.kernel import text

_CLOCK: Final = Path("sys/devices/system/clocksource/clocksource0")
_CURRENT: Final = _CLOCK / "current_clocksource"
#: Clocks that the kernel reads without access to a device or the hypervisor.
_FAST_CLOCKS: Final = (
    "tsc",
    "kvm-clock",
    "arch_sys_counter",
    "hyperv_clocksource_tsc_page",
    "riscv_clocksource",
)
_SLOW_CLOCKS: Final = ("hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit", "xen")
#: A clock must resolve microseconds.
_RESOLUTION_LIMIT_S: Final = 1e-6


def clock(resolution_s: float, source: str | None, available: Sequence[str] = ()) -> Judgement:
    """Judge the clock: every request reads it twice, so its cost and resolution are part of the result.

    `resolution_s` is of Python's clock for durations, `source` the kernel's source of it, None if unknown.
    """
    figure = f"{source or 'unknown source'}, resolution {resolution_s * 1e9:g} ns"
    if source in _SLOW_CLOCKS:
        fast = next((name for name in available if name in _FAST_CLOCKS), None)
        return Judgement(
            "warning",
            f"{figure}: slow to read",
            f"echo {fast} | sudo tee /{_CURRENT.as_posix()}"
            if fast
            else "use another machine: this one has no fast clock",
        )
    if resolution_s > _RESOLUTION_LIMIT_S:
        return Judgement(
            "warning",
            f"{figure}: too coarse for microseconds",
            "use another machine or another Python",
        )
    return Judgement("ok" if source in _FAST_CLOCKS else "unknown", figure)


def _clock(machine: Machine) -> Judgement:
    return clock(
        time.get_clock_info("perf_counter").resolution,
        text(machine.root / _CURRENT),
        (text(machine.root / _CLOCK / "available_clocksource") or "").split(),
    )


def _cpu_accounting(machine: Machine) -> Judgement | None:
    """Judge CPU accounting: CPU time is a difference over slots of about 50 ms, and a clock tick is 10 ms."""
    if platform.system() != "Linux":
        return None
    exact = (machine.root / "proc/self/schedstat").exists()
    return graded(
        "the kernel counts CPU time to the nanosecond"
        if exact
        else "no /proc/PID/schedstat: CPU time is counted in coarser steps",
        "use a Linux kernel built with CONFIG_SCHED_INFO",
        warning=not exact,
    )


CHECKS: Final[Checks] = {"clock": _clock, "CPU accounting": _cpu_accounting}
