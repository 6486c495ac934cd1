"""Point estimates, confidence intervals, ratios and the noise floor. Pure: numbers in, numbers out.

The unit of analysis is the server instance: two processes of the same code differ by about 1 % for their
whole lifetime, so requests of one process are not independent samples (docs/method.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import fmean, variance
from typing import Final

from scipy.special import stdtr, stdtrit

#: Ends of intervals are clipped to 1e100, since JSON has no infinity.
_FARTHEST_LOG: Final = 100 * math.log(10)


@dataclass(frozen=True)
class Estimate:
    """Mean over instances with its interval; `low` and `high` are None with fewer than two instances."""

    value: float
    low: float | None
    high: float | None

    @property
    def ci(self) -> tuple[float, float] | None:
        """Return both ends of the interval; None if there is none."""
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True)
class Ratio(Estimate):
    """Ratio of one arm's metric to another's.

    Attributes:
        value: Arm over base, from the means of logarithms.
        low: Lower end of the interval.
        high: Upper end.
        p_equal: Two-sided p-value of Welch's test that the true ratio is 1.
        noise_floor: Half-width, as a fraction, that the interval would have if both arms ran the same code.
    """

    low: float
    high: float
    p_equal: float
    noise_floor: float


@dataclass(frozen=True)
class WeightedSum:
    """Weighted sum of the means of groups.

    Attributes:
        value: The sum.
        error: Standard error; zero if nothing varies, as in metrics that are counted.
        freedom: Degrees of freedom by Welch and Satterthwaite.
    """

    value: float
    error: float
    freedom: float

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return both ends of Student's t interval."""
        half = _t_quantile(confidence, self.freedom) * self.error if self.error else 0.0
        return self.value - half, self.value + half

    def ratio(self, confidence: float) -> tuple[float, float, float]:
        """Return the ratio that a sum of logarithms stands for, and both ends of its interval."""
        low, high = self.interval(confidence)
        return _exp(self.value), _exp(low), _exp(high)

    def p_value(self, truth: float) -> float:
        """Return the two-sided p-value of the test that the true sum is `truth`."""
        if not self.error:
            return 1.0 if self.value == truth else 0.0
        return float(2 * stdtr(self.freedom, -abs(self.value - truth) / self.error))


def weighted_sum(groups: Sequence[tuple[float, Sequence[float]]]) -> WeightedSum:
    """Return the sum of weight times mean, over groups of two points or more."""
    value = sum(weight * fmean(group) for weight, group in groups)
    shares = [weight**2 * variance(group) / len(group) for weight, group in groups]
    squared_error = sum(shares)
    if squared_error == 0:
        return WeightedSum(value, 0.0, math.inf)
    spread = sum(share**2 / (len(group) - 1) for share, (_, group) in zip(shares, groups, strict=True))
    return WeightedSum(value, math.sqrt(squared_error), squared_error**2 / spread)


def mean(points: Sequence[float], confidence: float, batches: Sequence[int] = ()) -> Estimate:
    """Return the arithmetic mean and Student's t interval of per-instance estimates.

    Args:
        points: Estimates, one per instance.
        confidence: Confidence level of the interval, such as 0.99.
        batches: Number of points of each batch, if they were measured at different times. The interval is
            then based on the spread within batches, and holds for those times.
    """
    groups = split(points, batches)
    if min(map(len, groups)) < 2:
        return Estimate(fmean(points), None, None)
    whole = weighted_sum([(len(group) / len(points), group) for group in groups])
    return Estimate(whole.value, *whole.interval(confidence))


def geometric_mean(points: Sequence[float], confidence: float, batches: Sequence[int] = ()) -> Estimate:
    """Return the geometric mean and t interval on logarithms, as `mean`; every point must be positive."""
    logs = mean(logarithms(points), confidence, batches)
    low, high = map(_exp, logs.ci) if logs.ci else (None, None)
    return Estimate(math.exp(logs.value), low, high)


def split(points: Sequence[float], batches: Sequence[int]) -> list[Sequence[float]]:
    """Return the points of each batch that is not empty; `batches` are their sizes, empty for one batch."""
    ends = list(accumulate(batches or [len(points)]))
    return [points[begin:end] for begin, end in pairwise([0, *ends]) if end > begin]


def ratio(base: Sequence[float], arm: Sequence[float], confidence: float) -> Ratio:
    """Return the ratio of geometric means, arm over base, with Welch's t interval on logarithms.

    Welch (1947), with the Welch-Satterthwaite degrees of freedom. The noise floor is
    t * pooled s.d. * sqrt(2 / K), K the harmonic mean of the two instance counts.

    Args:
        base: Positive per-instance estimates, two or more.
        arm: Positive per-instance estimates of the other arm, two or more.
        confidence: Confidence level of the interval, such as 0.99.
    """
    return stratified_ratio([(base, arm)], confidence)


def stratified_ratio(batches: Sequence[tuple[Sequence[float], Sequence[float]]], confidence: float) -> Ratio:
    """Return the ratio of geometric means over several batches of instances, measured at different times.

    Changes of both arms from one batch to the next cancel out: arms are compared within each batch, and the
    differences averaged, weighted by instances. The squared error is the sum over all groups, its degrees of
    freedom Satterthwaite's (1946).

    Args:
        batches: Base's and arm's positive per-instance estimates, two or more each, batch by batch.
        confidence: Confidence level of the interval, such as 0.99.
    """
    logs = [(logarithms(base), logarithms(arm)) for base, arm in batches]
    count = sum(len(base) + len(arm) for base, arm in logs)
    weights = [(len(base) + len(arm)) / count for base, arm in logs]
    signed = [
        (sign * w, group)
        for w, pair in zip(weights, logs, strict=True)
        for sign, group in zip((-1, 1), pair, strict=True)
    ]
    whole = weighted_sum(signed)
    within = count - len(signed)
    pooled = sum((len(group) - 1) * variance(group) for _, group in signed) / within
    spread = sum(w**2 / len(group) for w, group in signed)
    floor = _t_quantile(confidence, within) * math.sqrt(pooled * spread)
    value, low, high = whole.ratio(confidence)
    return Ratio(value, low, high, whole.p_value(0), math.expm1(min(floor, _FARTHEST_LOG)))


def contrast(
    groups: Sequence[tuple[float, Sequence[float]]], confidence: float
) -> tuple[float, float, float]:
    """Return a product of powers of geometric means with its Welch interval, for example a ratio of ratios.

    The change of a ratio from one run to another has the powers 1, -1, -1 and 1; effects on both arms of a
    run, such as the machine's, cancel out.

    Args:
        groups: Powers, each with the positive per-instance estimates of its group, two or more.
        confidence: Confidence level of the interval.

    Returns:
        The value and both ends of its interval.
    """
    return log_contrast(groups).ratio(confidence)


def log_contrast(groups: Sequence[tuple[float, Sequence[float]]]) -> WeightedSum:
    """Return the logarithm of the product that `contrast` returns, with its error."""
    return weighted_sum([(power, logarithms(points)) for power, points in groups])


def _exp(log: float) -> float:
    """Return the exponential, kept finite: the interval of two very different instances may overflow."""
    return math.exp(max(-_FARTHEST_LOG, min(log, _FARTHEST_LOG)))


def logarithms(points: Sequence[float]) -> list[float]:
    """Return the logarithms of positive points."""
    return [math.log(point) for point in points]


def _t_quantile(confidence: float, freedom: float) -> float:
    return float(stdtrit(freedom, 0.5 + confidence / 2))
