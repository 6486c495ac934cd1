"""Point estimates, intervals, ratios and the noise floor. Pure: numbers in, numbers out.

The unit of analysis is the server instance: two processes of the same code differ by about 1 % for as long as
they live, so requests of one process are no independent evidence (docs/method.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import fmean, variance
from typing import Final

from scipy.special import stdtr, stdtrit

#: Intervals end at 1e100 at the latest, which says as much as infinity and can be written down.
_FARTHEST_LOG: Final = 100 * math.log(10)


@dataclass(frozen=True)
class Estimate:
    """A mean over instances with its interval; `low` and `high` are None with fewer than two instances."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Ratio:
    """How one arm's metric relates to another's.

    Attributes:
        value: Arm over base, from the means of logarithms.
        low: Lower end of the interval.
        high: Upper end.
        p_equal: Two-sided p-value of Welch's test that the true ratio is 1.
        noise_floor: Half-width, as a fraction, that the interval would have if the two arms were one code.
    """

    value: float
    low: float
    high: float
    p_equal: float
    noise_floor: float


@dataclass(frozen=True)
class WeightedSum:
    """A weighted sum of the means of groups.

    Attributes:
        value: The sum.
        error: Its standard error; zero where nothing varies, as in metrics that are counted.
        freedom: Degrees of freedom by Welch and Satterthwaite.
    """

    value: float
    error: float
    freedom: float

    def interval(self, confidence: float) -> tuple[float, float]:
        """Both ends of Student's t interval."""
        half = _t_quantile(confidence, self.freedom) * self.error if self.error else 0.0
        return self.value - half, self.value + half

    def ratio(self, confidence: float) -> tuple[float, float, float]:
        """Of a sum of logarithms: the ratio that it stands for, and both ends of its interval."""
        low, high = self.interval(confidence)
        return _exp(self.value), _exp(low), _exp(high)

    def p_value(self, truth: float) -> float:
        """Two-sided, of the test that the true sum is this."""
        if not self.error:
            return 1.0 if self.value == truth else 0.0
        return float(2 * stdtr(self.freedom, -abs(self.value - truth) / self.error))


def weighted_sum(groups: Sequence[tuple[float, Sequence[float]]]) -> WeightedSum:
    """The sum of weight times mean, over groups of two points or more."""
    weights, points = [weight for weight, _ in groups], [points for _, points in groups]
    squared_error, freedom = _welch(points, weights)
    value = sum(weight * fmean(group) for weight, group in groups)
    return WeightedSum(value, math.sqrt(squared_error), freedom)


def mean(points: Sequence[float], confidence: float, batches: Sequence[int] = ()) -> Estimate:
    """Arithmetic mean and Student's t interval of per-instance estimates.

    Args:
        points: One an instance.
        confidence: Of the interval, such as 0.99.
        batches: How many of the points are of each batch, where they were measured at different times. The
            interval then rests on what instances differ by within a batch, and holds for those times.
    """
    groups = split(points, batches)
    if min(map(len, groups)) < 2:
        return Estimate(fmean(points), None, None)
    whole = weighted_sum([(len(group) / len(points), group) for group in groups])
    return Estimate(whole.value, *whole.interval(confidence))


def geometric_mean(points: Sequence[float], confidence: float, batches: Sequence[int] = ()) -> Estimate:
    """Geometric mean and t interval on logarithms, as `mean`; every point must be positive."""
    logs = mean(_logs(points), confidence, batches)
    if logs.low is None or logs.high is None:
        return Estimate(math.exp(logs.value), None, None)
    return Estimate(math.exp(logs.value), _exp(logs.low), _exp(logs.high))


def split(points: Sequence[float], batches: Sequence[int]) -> list[Sequence[float]]:
    """The points of each batch that has any, by how many there are of each; one where nothing is said."""
    ends = list(accumulate(batches or [len(points)]))
    return [points[begin:end] for begin, end in pairwise([0, *ends]) if end > begin]


def ratio(base: Sequence[float], arm: Sequence[float], confidence: float) -> Ratio:
    """Ratio of geometric means, arm over base, with Welch's t interval on logarithms.

    Welch (1947), with the Welch-Satterthwaite degrees of freedom. The noise floor is
    t * pooled s.d. * sqrt(2 / K), K the harmonic mean of the two instance counts.

    Args:
        base: Positive per-instance estimates, two or more.
        arm: The same of the other arm.
        confidence: Of the interval, such as 0.99.
    """
    return stratified_ratio([(base, arm)], confidence)


def stratified_ratio(batches: Sequence[tuple[Sequence[float], Sequence[float]]], confidence: float) -> Ratio:
    """The same from several batches of instances, each measured at a time of its own.

    What moved both arms from one batch to the next falls out: arms are compared within each batch, and the
    differences averaged, weighted by instances. The squared error is the sum over all groups, its degrees of
    freedom Satterthwaite's (1946).

    Args:
        batches: Base's and arm's positive per-instance estimates, two or more each, batch by batch.
        confidence: Of the interval, such as 0.99.
    """
    logs = [(_logs(base), _logs(arm)) for base, arm in batches]
    everyone = sum(len(base) + len(arm) for base, arm in logs)
    weights = [(len(base) + len(arm)) / everyone for base, arm in logs]
    signed = [
        (sign * w, group)
        for w, pair in zip(weights, logs, strict=True)
        for sign, group in zip((-1, 1), pair, strict=True)
    ]
    whole = weighted_sum(signed)
    within = everyone - len(signed)
    pooled = sum((len(group) - 1) * variance(group) for _, group in signed) / within
    spread = sum(w**2 / len(group) for w, group in signed)
    floor = _t_quantile(confidence, within) * math.sqrt(pooled * spread)
    value, low, high = whole.ratio(confidence)
    return Ratio(value, low, high, whole.p_value(0), math.expm1(min(floor, _FARTHEST_LOG)))


def contrast(
    groups: Sequence[tuple[float, Sequence[float]]], confidence: float
) -> tuple[float, float, float]:
    """A product of powers of geometric means, with its Welch interval: a ratio of ratios, for example.

    How a ratio moved from one run to another has the powers 1, -1, -1 and 1; what moved both arms of a run
    alike, such as the machine, falls out.

    Args:
        groups: A power, and the positive per-instance estimates that it is for, two or more each.
        confidence: Of the interval.

    Returns:
        The value and both ends of its interval.
    """
    return log_contrast(groups).ratio(confidence)


def log_contrast(groups: Sequence[tuple[float, Sequence[float]]]) -> WeightedSum:
    """The logarithm of the same product, with its error."""
    return weighted_sum([(power, _logs(points)) for power, points in groups])


def _exp(log: float) -> float:
    """The exponential, kept finite: an interval of two instances that differ wildly may end beyond it."""
    return math.exp(max(-_FARTHEST_LOG, min(log, _FARTHEST_LOG)))


def _logs(points: Sequence[float]) -> list[float]:
    return [math.log(point) for point in points]


def _welch(groups: Sequence[Sequence[float]], weights: Sequence[float]) -> tuple[float, float]:
    """Squared standard error of a weighted sum of the groups' means, and its degrees of freedom."""
    shares = [w**2 * variance(group) / len(group) for w, group in zip(weights, groups, strict=True)]
    total = sum(shares)
    if total == 0:
        return 0.0, math.inf
    return total, total**2 / sum(s**2 / (len(g) - 1) for s, g in zip(shares, groups, strict=True))


def _t_quantile(confidence: float, freedom: float) -> float:
    return float(stdtrit(freedom, 0.5 + confidence / 2))
