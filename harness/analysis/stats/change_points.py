"""Where the level of a series changed: PELT finds where it may have, Welch's t says whether it did. Pure.

Killick, Fearnhead and Eckley, "Optimal Detection of Changepoints With a Linear Computational Cost" (2012), by
the library ruptures, finds the splits that pay for themselves. As in Fleming et al., "Hunter: Using Change
Point Detection to Hunt for Performance Regressions" (2023), a split stays only if a t-test between both of
its sides says so, the weakest being dropped first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import Final

from harness.analysis.stats.estimate import weighted_sum
from harness.results.base import Model

#: A split is a change when chance makes one so large less often than this.
_LEVEL: Final = 0.001
#: A level has so many runs at least: fewer are an outlier.
_SHORTEST: Final = 3
#: Shorter series have no change of level.
FEWEST: Final = 2 * _SHORTEST
#: Of normal scatter, the median distance between neighbours is so many standard deviations.
_NEIGHBOURS: Final = 0.6745 * math.sqrt(2)


class Change(Model):
    """A change of level.

    Attributes:
        at: Index of the first point of the new level.
        before: The level before, a geometric mean.
        after: The level from there to the next change.
        p_value: Of Welch's t-test between the two.
    """

    at: int
    before: float
    after: float
    p_value: float

    @property
    def ratio(self) -> float:
        """The new level over the old."""
        return self.after / self.before


def changes(values: Sequence[float]) -> list[Change]:
    """The changes of level in a series, oldest first; none where a value is not positive."""
    if len(values) < FEWEST or min(values) <= 0:
        return []
    logs = [math.log(value) for value in values]
    bounds = _likely(logs)
    while len(bounds) > 2:
        p_values = {
            bounds[i]: _p_value(logs[bounds[i - 1] : bounds[i]], logs[bounds[i] : bounds[i + 1]])
            for i in range(1, len(bounds) - 1)
        }
        weakest = max(p_values, key=lambda bound: p_values[bound])
        if p_values[weakest] < _LEVEL:
            levels = [math.exp(fmean(logs[begin:end])) for begin, end in pairwise(bounds)]
            return [
                Change(at=at, before=before, after=after, p_value=p_values[at])
                for at, (before, after) in zip(p_values, pairwise(levels), strict=True)
            ]
        bounds.remove(weakest)
    return []


def _likely(logs: Sequence[float]) -> list[int]:
    """Both ends of the series, and the splits that lower its squared error by more than they cost."""
    import numpy as np
    import ruptures

    scatter = median(abs(later - earlier) for earlier, later in pairwise(logs)) / _NEIGHBOURS
    penalty = 3 * math.log(len(logs)) * scatter**2  # three: a place, a level, and some caution
    signal = np.array(logs).reshape(-1, 1)
    # Of a linear kernel the cost is the squared error, as of model "l2", and the search is compiled.
    pelt = ruptures.KernelCPD(kernel="linear", min_size=_SHORTEST).fit(signal)
    found = pelt.predict(pen=max(penalty, 1e-12))
    return [0, *map(int, found)]


def _p_value(before: Sequence[float], after: Sequence[float]) -> float:
    return weighted_sum([(1, after), (-1, before)]).p_value(0)
