"""Current speed of the CPU: a fixed interpreter loop, timed repeatedly.

Neighbours on the same core are invisible inside a virtual machine. But they use part of its caches and of its
execution units, and then this loop takes longer; so does everything that is measured, though not all by the
same factor (docs/method.md).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import repeat
from statistics import median
from typing import Final

#: Iterations that are timed together: a tenth of a millisecond, so most timings contain no interruption.
_ITERATIONS: Final = 20_000
#: Number of timings.
_TIMINGS: Final = 500


@dataclass(frozen=True)
class Speed:
    """Time of one iteration of the loop in ns: best and median."""

    best_ns: float
    median_ns: float


def look() -> Speed:
    """Time the loop, for about a tenth of a second."""
    times_ns = []
    for _ in range(_TIMINGS):
        begun_ns = time.perf_counter_ns()
        for _ in repeat(None, _ITERATIONS):
            pass
        times_ns.append((time.perf_counter_ns() - begun_ns) / _ITERATIONS)
    return Speed(min(times_ns), median(times_ns))
