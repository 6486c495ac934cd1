"""How fast this CPU is at the moment: a fixed loop of the interpreter's, timed again and again.

Nobody inside a virtual machine sees who shares the core. But who shares it takes part of its caches and of
its execution units, and then this loop takes longer; so does everything that is measured, not all by one
factor (docs/method.md).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import repeat
from statistics import median
from typing import Final

#: Turns that are timed at once: a tenth of a millisecond, which most interruptions fall outside of.
_TURNS: Final = 20_000
#: Times that they are.
_LOOKS: Final = 500


@dataclass(frozen=True)
class Speed:
    """What one turn of the loop takes in ns: at best, and in the median."""

    best_ns: float
    median_ns: float


def look() -> Speed:
    """Time the loop, for a tenth of a second or so."""
    taken = []
    for _ in range(_LOOKS):
        begun_ns = time.perf_counter_ns()
        for _ in repeat(None, _TURNS):
            pass
        taken.append((time.perf_counter_ns() - begun_ns) / _TURNS)
    return Speed(min(taken), median(taken))
