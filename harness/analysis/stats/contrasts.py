"""Measurements in a contrast: groups of instances, each with the power of its geometric mean. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from harness.results.model import Measurement

#: Power of a geometric mean, and the instances of one batch of one arm that the mean is taken over.
Power = tuple[float, Sequence[float]]


def powers(row: Measurement, power: float) -> list[Power]:
    """Return each batch of a measurement with its share of a power; empty if it has no logarithms."""
    if not _can_enter(row):
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
    if not batches or not (_can_enter(base) and _can_enter(arm)):
        return []
    total = sum(len(of_base) + len(of_arm) for of_base, of_arm in batches)
    shares = [power * (len(of_base) + len(of_arm)) / total for of_base, of_arm in batches]
    return [
        group
        for share, (of_base, of_arm) in zip(shares, batches, strict=True)
        for group in ((-share, of_base), (share, of_arm))
    ]


def _can_enter(row: Measurement) -> bool:
    """Whether it has logarithms, and two instances or more in each batch."""
    return row.has_logs and min(len(points) for points in row.by_batch() if points) > 1
