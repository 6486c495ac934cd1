"""Propagates the uncertainty of measurements through expressions over them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from harness.analysis.stats.estimate import WeightedSum, geometric_mean, logarithms, mean, weighted_sum
from harness.results.model import Measurement
from harness.suites.expressions import Dual, MetricTerm


def evaluate(row: Measurement) -> float:
    """Return the value of a measurement over all batches, as in the result."""
    return (geometric_mean if row.has_logs else mean)(row.points, 0.99, row.batches).value


def propagate(whole: Dual, rows: Mapping[MetricTerm, Measurement]) -> WeightedSum:
    """Return the value with its error from the spread between instances, to first order (the delta method).

    Metrics that are counted once per arm, such as the store's memory, enter as exact.
    """
    groups = []
    for figure, slope in whole.slopes.items():
        row = rows[figure]
        scale = evaluate(row) if row.has_logs else 1.0
        for points in row.by_batch():
            if len(points) > 1:
                weight = slope * scale * len(points) / len(row.points)
                groups.append((weight, logarithms(points) if row.has_logs else points))
    error = weighted_sum(groups) if groups else WeightedSum(0, 0, math.inf)
    return WeightedSum(whole.value, error.error, error.freedom)
