"""Propagates the uncertainty of measurements through expressions over them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.analysis.stats.estimate import WeightedSum, geometric_mean, mean, weighted_sum
from harness.results.metrics import METRICS
from harness.results.model import Measurement
from harness.suites.expressions import Dual, MetricTerm


def evaluate(row: Measurement) -> float:
    """Return the value of a measurement over all batches, as in the result."""
    return (geometric_mean if _is_log(row) else mean)(row.points, 0.99, row.batches).value


def propagate(whole: Dual, rows: Mapping[MetricTerm, Measurement]) -> WeightedSum:
    """Return the value with its error from the spread between instances, to first order (the delta method).

    Metrics that are counted once per arm, such as the store's memory, enter as exact.
    """
    groups = []
    for figure, slope in whole.slopes.items():
        row = rows[figure]
        scale = evaluate(row) if _is_log(row) else 1.0
        for points in row.by_batch():
            if len(points) > 1:
                weight = slope * scale * len(points) / len(row.points)
                groups.append((weight, _logs(points) if _is_log(row) else points))
    error = weighted_sum(groups) if groups else WeightedSum(0, 0, math.inf)
    return WeightedSum(whole.value, error.error, error.freedom)


def _logs(points: Sequence[float]) -> list[float]:
    return [math.log(point) for point in points]


def _is_log(row: Measurement) -> bool:
    return METRICS[row.metric].scale == "log" and min(row.points) > 0
