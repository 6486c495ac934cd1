"""By how much a ratio differs from one batch of fresh servers to the next, some time later. Pure.

The interval of a ratio knows what processes differ by within minutes. Two runs an hour apart differ by more:
the machine is in another mood, and a cheap arm feels it otherwise than a dear one. A baseline is measured in
several batches, one after the other, so that this can be seen; a comparison with it is no surer than that.
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

#: Of the logarithms of two ratios to one floor, all three arms varying alike and apart.
_CORRELATION: Final = 0.5


@dataclass(frozen=True)
class Spread:
    """A standard deviation of the logarithm of a ratio between batches.

    Attributes:
        deviation: Pooled over ratios.
        freedom: Degrees of freedom: of each ratio its batches less one; together fewer, since the ratios
            to one floor move together.
    """

    deviation: float
    freedom: float

    def widened(self, own: WeightedSum, then: int, now: int) -> WeightedSum:
        """A difference of ratios between two times, no surer than what batches differ by.

        Args:
            own: The difference, with the error that the instances of both give it.
            then: Batches that the one time had.
            now: And the other.
        """
        error = self.deviation * math.sqrt(1 / then + 1 / now)
        return own if own.error >= error else WeightedSum(own.value, error, self.freedom)


def between_batches(pairs: Iterable[tuple[Measurement, Measurement]]) -> Spread | None:
    """What the ratios of these pairs (base, arm) differ by between batches; None with a single batch."""
    squares, freedom, count = 0.0, 0, 0
    for base, arm in pairs:
        ratios = [_log_mean(other) - _log_mean(one) for one, other in base.paired(arm)]
        if len(ratios) < 2 or METRICS[base.metric].scale != "log":
            continue
        middle = fmean(ratios)
        squares += sum((ratio - middle) ** 2 for ratio in ratios)
        freedom += len(ratios) - 1
        count += 1
    if not freedom:
        return None
    return Spread(math.sqrt(squares / freedom), freedom / (1 + (count - 1) * _CORRELATION**2))


def _log_mean(points: Iterable[float]) -> float:
    return fmean(math.log(point) for point in points)
