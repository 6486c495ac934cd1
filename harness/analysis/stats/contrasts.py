"""Measurements in a contrast: groups of instances, each with the power of its geometric mean. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from harness.results.metrics import METRICS
from harness.results.model import Measurement

#: Power of a geometric mean, and the instances of one batch of one arm that the mean is taken over.
Power = tuple[float, Sequence[float]]


def powers(row: Measurement, power: float) -> list[Power]:
    """Return each batch of a measurement with its share of a power; empty if it has no logarithms."""
    if not _has_logs(row):
        return []
    return [(power * len(points) / len(row.points), points) for points in row.by_batch() if points]


def effect_powers(more: Sequence[Measurement], less: Sequence[Measurement]) -> list[Power]:
    """Return the geometric mean of the first arms over that of the second; empty if any has no logarithms."""
    sides = [(row, 1 / len(more)) for row in more] + [(row, -1 / len(less)) for row in less]
    groups_of_rows = [powers(row, power) for row, power in sides]
    return [group for groups in groups_of_rows for group in groups] if all(groups_of_rows) else []


def ratio_powers(base: Measurement, arm: Measurement, power: float = 1) -> list[Power]:
    """Return the ratio of two arms to a power, batch by batch; empty if there is no such ratio."""
    batches = base.paired(arm)
    if not batches or not (_has_logs(base) and _has_logs(arm)):
        return []
    total = sum(len(of_base) + len(of_arm) for of_base, of_arm in batches)
    shares = [power * (len(of_base) + len(of_arm)) / total for of_base, of_arm in batches]
    return [
        group
        for share, (of_base, of_arm) in zip(shares, batches, strict=True)
        for group in ((-share, of_base), (share, of_arm))
    ]


def _has_logs(row: Measurement) -> bool:
    several = min(len(points) for points in row.by_batch() if points) > 1
    return METRICS[row.metric].scale == "log" and several and min(row.points) > 0
