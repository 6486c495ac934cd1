"""Spread of a ratio between batches of fresh server processes that are measured at different times. Pure.

The interval of a ratio includes the spread between processes within minutes. Two runs an hour apart differ by
more: the state of the machine changes, and affects a cheap arm differently from an expensive one. A baseline
is measured in several batches, one after the other, to estimate this spread; a comparison with the baseline
is never more precise than that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from harness.analysis.stats.estimate import WeightedSum
from harness.results.metrics import METRICS
from harness.results.model import Measurement

#: Correlation of the logarithms of two ratios to one no-auth server, if all three arms vary independently
#: and equally.
_CORRELATION: Final = 0.5


@dataclass(frozen=True)
class Spread:
    """Standard deviation of the logarithm of a ratio between batches.

    Attributes:
        deviation: Standard deviation, pooled over ratios.
        freedom: Degrees of freedom: number of batches minus one for each ratio; fewer in total, since ratios
            to the same no-auth server are correlated.
    """

    deviation: float
    freedom: float

    def widened(self, difference: WeightedSum, then: int, now: int) -> WeightedSum:
        """Return a difference of ratios between two times with at least the error from the spread.

        Args:
            difference: Difference, with the error from the server processes of both times.
            then: Number of batches of the baseline.
            now: Number of batches of the current run.
        """
        error = self.deviation * math.sqrt(1 / then + 1 / now)
        if difference.error >= error:
            return difference
        return WeightedSum(difference.value, error, self.freedom)


def between_batches(pairs: Iterable[tuple[Measurement, Measurement]]) -> Spread | None:
    """Return the spread of the ratios of pairs (base, arm) between batches; None with a single batch."""
    squares, freedom, count = 0.0, 0, 0
    for base, arm in pairs:
        ratios = [_log_mean(of_arm) - _log_mean(of_base) for of_base, of_arm in base.paired(arm)]
        if len(ratios) < 2 or METRICS[base.metric].scale != "log":
            continue
        mean = fmean(ratios)
        squares += sum((ratio - mean) ** 2 for ratio in ratios)
        freedom += len(ratios) - 1
        count += 1
    if not freedom:
        return None
    return Spread(math.sqrt(squares / freedom), freedom / (1 + (count - 1) * _CORRELATION**2))


def _log_mean(points: Iterable[float]) -> float:
    return fmean(math.log(point) for point in points)
