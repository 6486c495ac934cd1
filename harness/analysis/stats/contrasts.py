"""Measurements in a contrast: which instances enter it, and with what power of their geometric mean. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from harness.results.metrics import METRICS
from harness.results.model import Measurement

#: The instances of one batch of one arm, and the power that their geometric mean enters with.
Power = tuple[float, Sequence[float]]


def powers(row: Measurement, power: float) -> list[Power]:
    """Each batch of a measurement with its share of a power; none where it has no logarithms."""
    if not _has_logs(row):
        return []
    return [(power * len(points) / len(row.points), points) for points in row.by_batch() if points]


def effect_powers(more: Sequence[Measurement], less: Sequence[Measurement]) -> list[Power]:
    """The geometric mean of some arms over that of others; none where one of them has no logarithms."""
    sides = [(row, 1 / len(more)) for row in more] + [(row, -1 / len(less)) for row in less]
    groups = [powers(row, power) for row, power in sides]
    return [group for own in groups for group in own] if all(groups) else []


def ratio_powers(base: Measurement, arm: Measurement, power: float = 1) -> list[Power]:
    """The ratio of two arms to a power, batch by batch; none where there is no such ratio."""
    batches = base.paired(arm)
    if not batches or not (_has_logs(base) and _has_logs(arm)):
        return []
    everyone = sum(len(one) + len(other) for one, other in batches)
    shares = [power * (len(one) + len(other)) / everyone for one, other in batches]
    return [
        group
        for share, (one, other) in zip(shares, batches, strict=True)
        for group in ((-share, one), (share, other))
    ]


def _has_logs(row: Measurement) -> bool:
    many = min(len(points) for points in row.by_batch() if points) > 1
    return METRICS[row.metric].scale == "log" and many and min(row.points) > 0
