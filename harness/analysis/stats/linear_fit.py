"""A straight line through one metric of one arm, measured at several levels of something. Pure.

Instance by instance: the first of each level make one line, the second another, and so on. What the lines say
at a place are then as many independent estimates, whether or not the same processes served all levels, and
their mean has Student's t interval, with the instance as the unit as everywhere (docs/method.md). Levels that
are counted once an arm, such as the store's memory, make one line, without an interval.

Levels weigh by one over their squared value where what is measured spreads in proportion to its size: CPU,
bytes, memory, whose levels may lie a hundredfold apart. They weigh alike where it does not: a distance adds
to a wait, and little to its spread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Self

from harness.results.model import Measurement


@dataclass(frozen=True)
class Level:
    """Where on the axis, and the estimates of the instances there."""

    at: float
    points: Sequence[float]


@dataclass(frozen=True)
class LeftOut:
    """A level, what was measured there, and what the line through all others says of it."""

    at: float
    measured: float
    predicted: float

    @property
    def error(self) -> float:
        """How far off, as a fraction of what was measured, which must not be zero."""
        return abs(self.predicted / self.measured - 1)


@dataclass(frozen=True)
class LinearFit:
    """The levels, by place, with as many points each.

    Attributes:
        levels: Two or more places.
        batches: How many of the points are of each batch of instances, as `Measurement.batches`.
        alike: Whether all levels weigh alike.
    """

    levels: tuple[Level, ...]
    batches: tuple[int, ...] = ()
    alike: bool = False

    @classmethod
    def through(
        cls, rows: Sequence[tuple[float, Measurement]], scale: float = 1.0, *, alike: bool = False
    ) -> Self | None:
        """The line through measurements at these places; None where there are fewer than two places.

        Of levels that were measured in more batches than others, the instances count that all have.

        Args:
            rows: Where, and what was measured there.
            scale: Every point is multiplied by this.
            alike: Whether all levels weigh alike.
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
        """The lowest place that was measured."""
        return self.levels[0].at

    @property
    def last(self) -> float:
        """The highest."""
        return self.levels[-1].at

    def reaches(self, at: float) -> bool:
        """Whether a place lies within what was measured."""
        return self.first <= at <= self.last

    def predictions(self, at: float) -> list[float]:
        """What each instance's line says of a place."""
        weights, centre, spread = self._weights()
        shares = [
            weight + (at - centre) * weight * (level.at - centre) / spread
            for weight, level in zip(weights, self.levels, strict=True)
        ]
        return self._sums(shares)

    def slopes(self) -> list[float]:
        """How much each instance's line rises for one unit of the axis."""
        weights, centre, spread = self._weights()
        pairs = zip(weights, self.levels, strict=True)
        return self._sums([weight * (level.at - centre) / spread for weight, level in pairs])

    def held_back(self) -> list[LeftOut]:
        """Each level against the line through all others; empty where fewer than two places would be left."""
        found = []
        for level in self.levels:
            others = tuple(other for other in self.levels if other.at != level.at)
            if len({other.at for other in others}) >= 2:
                predicted = fmean(LinearFit(others, self.batches, self.alike).predictions(level.at))
                found.append(LeftOut(level.at, fmean(level.points), predicted))
        return found

    def _weights(self) -> tuple[list[float], float, float]:
        """Weights that add up to one, the mean place by them, and the places' variance by them."""
        means = [fmean(level.points) for level in self.levels]
        raw = [1.0 if self.alike or min(means) <= 0 else 1 / mean**2 for mean in means]
        weights = [one / sum(raw) for one in raw]
        places = [level.at for level in self.levels]
        centre = sum(weight * at for weight, at in zip(weights, places, strict=True))
        spread = sum(weight * (at - centre) ** 2 for weight, at in zip(weights, places, strict=True))
        return weights, centre, spread

    def _sums(self, shares: Sequence[float]) -> list[float]:
        """The levels' points, each times its level's share, added up instance by instance."""
        return [
            sum(share * point for share, point in zip(shares, own, strict=True))
            for own in zip(*(level.points for level in self.levels), strict=True)
        ]
