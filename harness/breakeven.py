"""The round trip to the store at which asking it takes as long as not asking. Pure.

Each instance was measured at several distances, so each gives a straight line of its own: median service time
over the measured round trip. Where the mean line of the arm that asks meets the mean of the arm that does not
is the break-even round trip; its interval is by the delta method with the instance as the unit, as all
intervals here (docs/method.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, linear_regression
from typing import Final

from harness.estimate import weighted_sum
from harness.result import Measurement, Result

SCENARIO: Final = "distance"
METRIC: Final = "service_p50"


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

    None where fewer than two distances were measured, of fewer than two instances each.
    """
    distances = _distances(result, arm)
    asking, not_asking = _by_instance(result, arm), _by_instance(result, base)
    if len(set(distances)) < 2 or min(len(asking), len(not_asking)) < 2:
        return None
    lines = [linear_regression(distances, one) for one in asking]
    slope = fmean(line.slope for line in lines)
    level = [fmean(one) for one in not_asking]
    value = (fmean(level) - fmean(line.intercept for line in lines)) / slope
    there = [line.intercept + line.slope * value for line in lines]
    error = weighted_sum([(1 / slope, level), (-1 / slope, there)])
    low, high = error.interval(result.run.comparisons_confidence)
    return BreakEven(value, value + low, value + high, slope, min(distances))


def _rows(result: Result, arm: str, metric: str) -> list[Measurement]:
    return [
        row for row in result.measurements if (row.scenario, row.arm, row.metric) == (SCENARIO, arm, metric)
    ]


def _distances(result: Result, arm: str) -> list[float]:
    """Round trips in us, as measured, in the order of the suite."""
    return [row.value for row in _rows(result, arm, "store_rtt")]


def _by_instance(result: Result, arm: str) -> list[Sequence[float]]:
    """Of each instance its medians in us, distance by distance."""
    return list(zip(*(row.points for row in _rows(result, arm, METRIC)), strict=True))
