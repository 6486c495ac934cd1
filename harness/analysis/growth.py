"""Whether a process holds more and more for as long as it runs. Pure.

The slope is Theil's and Sen's: the median over all pairs of looks (Theil 1950, Sen 1968). What steps up once
or breathes in and out has pairs that pull neither way, or both; what leaks has not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from harness.results.model import Vitals

#: The first part of a run, in which processes still settle, is left out.
WARM_UP: Final = 1 / 3
#: With fewer looks than this after it, nothing is told.
_FEWEST_LOOKS: Final = 20


@dataclass(frozen=True)
class Quantity:
    """Something that a process holds, and by how much it may grow after the warm-up.

    Attributes:
        name: What a reader calls it.
        share: Growth up to this share of the level is no leak: allocators give memory back in their own time.
        least: Nor is growth below this, in the quantity's own unit.
    """

    name: str
    share: float
    least: float


MEMORY: Final = Quantity("memory", share=0.05, least=2e6)
DESCRIPTORS: Final = Quantity("descriptors", share=0, least=1)
THREADS: Final = Quantity("threads", share=0, least=1)


@dataclass(frozen=True)
class Growth:
    """How much more of one thing a process holds at the end of a run than after the warm-up.

    Attributes:
        process: Whose.
        quantity: Of what.
        level: Median of what it held, in the quantity's unit.
        gain: Slope times the time after the warm-up, in the same unit; negative where it shrank.
        low: Lower end of the gain's interval.
        high: Upper end.
    """

    process: str
    quantity: Quantity
    level: float
    gain: float
    low: float
    high: float

    @property
    def share(self) -> float:
        """The gain as a share of the level."""
        return self.gain / self.level if self.level else 0.0

    @property
    def leaks(self) -> bool:
        """More than chance, more than its share, and more than too little to matter."""
        enough = self.gain >= self.quantity.least and self.share > self.quantity.share
        return self.low > 0 and enough


def growths(row: Vitals, confidence: float) -> list[Growth]:
    """What a process gained after the warm-up: memory, descriptors, threads; nothing after too few looks."""
    at_s = [moment for moment in row.at_s if moment >= settled_from(row)]
    if len(at_s) < _FEWEST_LOOKS:
        return []
    series = [(MEMORY, row.rss), (DESCRIPTORS, row.descriptors), (THREADS, row.threads)]
    return [
        _growth(row.process, quantity, at_s, values[-len(at_s) :], confidence) for quantity, values in series
    ]


def settled_from(row: Vitals) -> float:
    """The end of the warm-up, on the clock of `at_s`."""
    first, last = row.at_s[0], row.at_s[-1]
    return first + WARM_UP * (last - first)


def _growth(
    process: str, quantity: Quantity, at_s: Sequence[float], values: Sequence[int], confidence: float
) -> Growth:
    from scipy.stats import theilslopes  # a second to import, and only long runs are judged

    slope = theilslopes(values, at_s, alpha=confidence)
    seconds = at_s[-1] - at_s[0]
    return Growth(
        process,
        quantity,
        level=median(values),
        gain=float(slope.slope) * seconds,
        low=float(slope.low_slope) * seconds,
        high=float(slope.high_slope) * seconds,
    )
