"""Detects processes that hold more and more memory, descriptors or threads as they run. Pure.

The slope is Theil's and Sen's: the median over all pairs of samples (Theil 1950, Sen 1968). A series that
steps up once or goes up and down has pairs without a common direction; a leak has not.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Final

from harness.results.model import Vitals

#: First part of a run that is ignored, since processes still settle.
WARM_UP: Final = 1 / 3
#: Samples after the warm-up below which there is no estimate.
_FEWEST_SAMPLES: Final = 20


@dataclass(frozen=True)
class Quantity:
    """Resource that a process holds, and by how much it may grow after the warm-up.

    Attributes:
        name: Name for people.
        share: Growth up to this share of the level is no leak: allocators give memory back with a delay.
        least: Growth below this, in the quantity's unit, is no leak either.
    """

    name: str
    share: float
    least: float


MEMORY: Final = Quantity("memory", share=0.05, least=2e6)
DESCRIPTORS: Final = Quantity("descriptors", share=0, least=1)
THREADS: Final = Quantity("threads", share=0, least=1)


@dataclass(frozen=True)
class Growth:
    """Growth of one quantity of a process from the warm-up to the end of a run.

    Attributes:
        process: Name of the process.
        quantity: Quantity that was sampled.
        level: Median of the samples, in the quantity's unit.
        gain: Slope times the time after the warm-up, in the same unit; negative if it shrank.
        low: Lower end of the gain's confidence interval.
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
        """Return the gain as a share of the level."""
        return self.gain / self.level if self.level else 0.0

    @property
    def leaks(self) -> bool:
        """Whether the gain is significant, above the allowed share, and large enough to matter."""
        enough = self.gain >= self.quantity.least and self.share > self.quantity.share
        return self.low > 0 and enough


def growths(row: Vitals, confidence: float) -> list[Growth]:
    """Return the growth of memory, descriptors and threads after the warm-up; empty with too few samples."""
    at_s = [moment for moment in row.at_s if moment >= settled_from(row)]
    if len(at_s) < _FEWEST_SAMPLES:
        return []
    from scipy.stats import theilslopes  # takes a second to import; only long runs need it

    found = []
    for quantity, values in ((MEMORY, row.rss), (DESCRIPTORS, row.descriptors), (THREADS, row.threads)):
        settled = values[-len(at_s) :]
        slope = theilslopes(settled, at_s, alpha=confidence)
        gains = [
            float(per_s) * (at_s[-1] - at_s[0]) for per_s in (slope.slope, slope.low_slope, slope.high_slope)
        ]
        found.append(Growth(row.process, quantity, median(settled), *gains))
    return found


def settled_from(row: Vitals) -> float:
    """Return the end of the warm-up, on the clock of `at_s`."""
    first, last = row.at_s[0], row.at_s[-1]
    return first + WARM_UP * (last - first)
