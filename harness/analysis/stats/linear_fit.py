"""Linear fit of one metric of one arm over the levels of a parameter. Pure.

There is one line per instance: the first instances of all levels make one line, the second ones another, and
so on. The predictions of the lines at a point are then independent estimates, whether or not the same
processes served all levels, and their mean has Student's t interval, with the instance as the unit of
analysis (docs/method.md). Metrics that are counted once per arm, such as the store's memory, make one line,
without an interval.

Levels are weighted by one over their squared value if the spread is proportional to the value: CPU, bytes,
memory, with levels up to a hundredfold apart. They have equal weights if it is not: a distance adds to a
latency, but little to its spread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Self

from harness.results.model import Measurement


@dataclass(frozen=True)
class Level:
    """Position on the axis, with the estimates of the instances at it."""

    at: float
    points: Sequence[float]


@dataclass(frozen=True)
class LeftOut:
    """Level with its measured value and the prediction of the line through all other levels."""

    at: float
    measured: float
    predicted: float

    @property
    def error(self) -> float:
        """Return the error of the prediction, as a fraction of the measured value, which must not be zero."""
        return abs(self.predicted / self.measured - 1)


@dataclass(frozen=True)
class LinearFit:
    """Linear fit over levels in ascending order, with equally many points each.

    Attributes:
        levels: Levels at two or more positions.
        batches: Number of points of each batch of instances, as in `Measurement.batches`.
        alike: Whether all levels have equal weights.
    """

    levels: tuple[Level, ...]
    batches: tuple[int, ...] = ()
    alike: bool = False

    @classmethod
    def through(
        cls, rows: Sequence[tuple[float, Measurement]], scale: float = 1.0, *, alike: bool = False
    ) -> Self | None:
        """Return the line through measurements at these positions; None with fewer than two positions.

        If levels have different numbers of instances, the surplus instances are ignored.

        Args:
            rows: Positions, each with its measurement.
            scale: Factor that multiplies every point.
            alike: Whether all levels have equal weights.
        """
        if len({at for at, _ in rows}) < 2:
            return None
        shortest = min((row for _, row in rows), key=lambda row: len(row.points))
        levels = [
            Level(at, [scale * point for point in row.points[: len(shortest.points)]]) for at, row in rows
        ]
        return cls(tuple(sorted(levels, key=lambda level: level.at)), tuple(shortest.batches), alike)

    @property
    def first(self) -> float:
        """Return the lowest position that was measured."""
        return self.levels[0].at

    @property
    def last(self) -> float:
        """Return the highest position that was measured."""
        return self.levels[-1].at

    def reaches(self, at: float) -> bool:
        """Whether a position is within the measured range."""
        return self.first <= at <= self.last

    def predictions(self, at: float) -> list[float]:
        """Return the prediction of each instance's line at a position."""
        weights, centre, spread = self._weights()
        shares = [
            weight + (at - centre) * weight * (level.at - centre) / spread
            for weight, level in zip(weights, self.levels, strict=True)
        ]
        return self._sums(shares)

    def slopes(self) -> list[float]:
        """Return the slope of each instance's line, per unit of the axis."""
        weights, centre, spread = self._weights()
        pairs = zip(weights, self.levels, strict=True)
        return self._sums([weight * (level.at - centre) / spread for weight, level in pairs])

    def held_back(self) -> list[LeftOut]:
        """Return leave-one-out errors of each level; empty if fewer than two positions would be left."""
        left_out = []
        for level in self.levels:
            others = tuple(other for other in self.levels if other.at != level.at)
            if len({other.at for other in others}) >= 2:
                predicted = fmean(LinearFit(others, self.batches, self.alike).predictions(level.at))
                left_out.append(LeftOut(level.at, fmean(level.points), predicted))
        return left_out

    def _weights(self) -> tuple[list[float], float, float]:
        """Return weights that add up to one, and the weighted mean and variance of the positions."""
        means = [fmean(level.points) for level in self.levels]
        raw = [1.0 if self.alike or min(means) <= 0 else 1 / mean**2 for mean in means]
        weights = [weight / sum(raw) for weight in raw]
        positions = [level.at for level in self.levels]
        centre = sum(weight * at for weight, at in zip(weights, positions, strict=True))
        spread = sum(weight * (at - centre) ** 2 for weight, at in zip(weights, positions, strict=True))
        return weights, centre, spread

    def _sums(self, shares: Sequence[float]) -> list[float]:
        """Return the levels' points, each times its level's share, added up instance by instance."""
        return [
            sum(share * point for share, point in zip(shares, points, strict=True))
            for points in zip(*(level.points for level in self.levels), strict=True)
        ]
