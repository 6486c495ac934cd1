"""Store round trip at which a scheme that queries the store is as fast as one that does not. Pure.

Each instance was measured at several distances, so each gives a straight line: median service time over the
measured round trip. The break-even round trip is where the mean line of the scheme with a store query meets
the mean of the scheme without; its interval is by the delta method with the instance as the unit of analysis,
like all intervals here (docs/method.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from harness.analysis.stats import sweeps
from harness.analysis.stats.estimate import weighted_sum
from harness.results.model import Result


@dataclass(frozen=True)
class BreakEven:
    """Break-even round trip in us, with its interval at the confidence of the run's comparisons.

    If it is negative, the scheme with a store query is slower even without any distance. `slope` is the
    increase of the service time per us of round trip; `nearest` is the shortest round trip that was measured,
    in us.
    """

    value: float
    low: float
    high: float
    slope: float
    nearest: float


def find(result: Result, base: str, arm: str) -> BreakEven | None:
    """Return the round trip at which `arm`, which queries the store, is as fast as `base`, which does not.

    None if fewer than two distances were measured, if there are fewer than two instances of each, or unless
    `arm` queries the store and `base` does not.
    """
    with_query, without_query = sweeps.latency(result, arm), sweeps.latency(result, base)
    if with_query is None or without_query is None:
        return None
    if not _queries_store(result, arm) or _queries_store(result, base):
        return None
    slopes, intercepts = with_query.slopes(), with_query.predictions(0.0)
    means = [fmean(points) for points in zip(*(level.points for level in without_query.levels), strict=True)]
    if min(len(slopes), len(means)) < 2:
        return None
    slope = fmean(slopes)
    value = (fmean(means) - fmean(intercepts)) / slope
    at_value = [intercept + value * rise for intercept, rise in zip(intercepts, slopes, strict=True)]
    error = weighted_sum([(1 / slope, means), (-1 / slope, at_value)])
    low, high = error.interval(result.run.comparisons_confidence)
    return BreakEven(value, value + low, value + high, slope, with_query.first)


def _queries_store(result: Result, arm: str) -> bool:
    """Whether reads of this arm execute store operations."""
    return any(row.value for row in sweeps.rows(result, sweeps.DISTANCE, arm, "store_ops", sweeps.DELAY))
