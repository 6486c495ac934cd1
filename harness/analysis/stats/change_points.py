"""Detects changes of level in a series: PELT proposes splits, Welch's t-test confirms them. Pure.

Killick, Fearnhead and Eckley, "Optimal Detection of Changepoints With a Linear Computational Cost" (2012), in
the library ruptures, finds the splits that lower the squared error by more than their penalty. As in Fleming
et al., "Hunter: Using Change Point Detection to Hunt for Performance Regressions" (2023), a split stays only
if a t-test between its two sides is significant; the weakest is dropped first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import Final

from harness.analysis.stats.estimate import weighted_sum
from harness.results.base import Model

#: p-value below which a split is a change.
_LEVEL: Final = 0.001
#: Runs that a level has at least: fewer are an outlier.
_SHORTEST: Final = 3
#: Runs below which a series has no change of level.
FEWEST: Final = 2 * _SHORTEST
#: Median distance between neighbours, in standard deviations of normal scatter.
_NEIGHBOURS: Final = 0.6745 * math.sqrt(2)


class Change(Model):
    """Change of level.

    Attributes:
        at: Index of the first point of the new level.
        before: Level before it, a geometric mean.
        after: Level from it to the next change.
        p_value: p-value of Welch's t-test between the two.
    """

    at: int
    before: float
    after: float
    p_value: float

    @property
    def ratio(self) -> float:
        """Return the new level over the old."""
        return self.after / self.before


def changes(values: Sequence[float]) -> list[Change]:
    """Return the changes of level in a series, oldest first; empty if any value is not positive."""
    if len(values) < FEWEST or min(values) <= 0:
        return []
    logs = [math.log(value) for value in values]
    bounds = _candidate_bounds(logs)
    while len(bounds) > 2:
        p_values = {
            at: weighted_sum([(1, logs[at:end]), (-1, logs[begin:at])]).p_value(0)
            for begin, at, end in zip(bounds, bounds[1:], bounds[2:], strict=False)
        }
        weakest = max(p_values, key=p_values.__getitem__)
        if p_values[weakest] < _LEVEL:
            levels = [math.exp(fmean(logs[begin:end])) for begin, end in pairwise(bounds)]
            return [
                Change(at=at, before=before, after=after, p_value=p_values[at])
                for at, (before, after) in zip(p_values, pairwise(levels), strict=True)
            ]
        bounds.remove(weakest)
    return []


def _candidate_bounds(logs: Sequence[float]) -> list[int]:
    """Return both ends of the series, and the splits that lower its squared error beyond the penalty."""
    import numpy as np
    import ruptures

    scatter = median(abs(later - earlier) for earlier, later in pairwise(logs)) / _NEIGHBOURS
    penalty = 3 * math.log(len(logs)) * scatter**2  # three: position, level, and a safety margin
    signal = np.array(logs).reshape(-1, 1)
    # The cost of a linear kernel is the squared error, like that of model "l2", but the search is compiled.
    pelt = ruptures.KernelCPD(kernel="linear", min_size=_SHORTEST).fit(signal)
    bounds = pelt.predict(pen=max(penalty, 1e-12))
    return [0, *map(int, bounds)]
