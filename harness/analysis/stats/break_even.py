"""The round trip to the store at which asking it takes as long as not asking. Pure.

Each instance was measured at several distances, so each gives a straight line of its own: median service time
over the measured round trip. Where the mean line of the arm that asks meets the mean of the arm that does not
is the break-even round trip; its interval is by the delta method with the instance as the unit, as all
intervals here (docs/method.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from harness.analysis.stats import sweeps
from harness.analysis.stats.estimate import weighted_sum
from harness.results.model import Result


@dataclass(frozen=True)
class BreakEven:
    """A round trip in us, with its interval at the confidence of the run's comparisons.

    Where it is negative, asking takes longer even at no distance. `slope` is how much longer a request takes
    for each us of round trip; `nearest` is the shortest round trip that was measured, in us.
    """

    value: float
    low: float
    high: float
    slope: float
    nearest: float


def find(result: Result, base: str, arm: str) -> BreakEven | None:
    """At which round trip `arm`, which asks the store, takes as long as `base`, which does not.

    None where fewer than two distances were measured, of fewer than two instances each, or it is not so that
    the one asks and the other does not.
    """
    asking, not_asking = sweeps.latency(result, arm), sweeps.latency(result, base)
    if asking is None or not_asking is None or not _asks(result, arm) or _asks(result, base):
        return None
    slopes, intercepts = asking.slopes(), asking.predictions(0.0)
    own = [fmean(points) for points in zip(*(level.points for level in not_asking.levels), strict=True)]
    if min(len(slopes), len(own)) < 2:
        return None
    slope = fmean(slopes)
    value = (fmean(own) - fmean(intercepts)) / slope
    there = [intercept + value * one for intercept, one in zip(intercepts, slopes, strict=True)]
    error = weighted_sum([(1 / slope, own), (-1 / slope, there)])
    low, high = error.interval(result.run.comparisons_confidence)
    return BreakEven(value, value + low, value + high, slope, asking.first)


def _asks(result: Result, arm: str) -> bool:
    """Whether its reads cost store operations."""
    return any(row.value for row in sweeps.rows(result, sweeps.DISTANCE, arm, "store_ops", sweeps.DELAY))
