"""Offset of another machine's clock, and its maximum error. Pure.

Cristian's algorithm: request the time, and take the answer to be from the middle of the round trip. However
the round trip divides into its two directions, the error is half of it at most; of several readings the
fastest is the most accurate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Self


@dataclass(frozen=True)
class Reading:
    """One reading of another clock: how far it is ahead, and the maximum error of that; both in ns."""

    ahead_ns: int
    error_ns: int

    @classmethod
    def of(cls, sent_ns: int, remote_ns: int, received_ns: int) -> Self:
        """Return the reading of a round trip; `sent_ns` and `received_ns` are by the local clock."""
        return cls(remote_ns - (sent_ns + received_ns) // 2, (received_ns - sent_ns + 1) // 2)


@dataclass
class Clock:
    """Offset of another clock over time."""

    first: Reading
    #: Readings after the first, each the best of several.
    later: list[Reading] = field(default_factory=list)

    @classmethod
    def seen(cls, readings: Iterable[Reading]) -> Self:
        """Return a clock of which several readings were taken."""
        return cls(best(readings))

    @property
    def ahead_ns(self) -> int:
        """Return how far the clock is ahead, by the last reading."""
        return ([self.first, *self.later])[-1].ahead_ns

    @property
    def error_ns(self) -> int:
        """Return the maximum error of the assumed offset at any time.

        From one reading to the next the clock moved by their difference, and each reading has an error
        itself.
        """
        readings = [self.first, *self.later]
        moved = [
            abs(after.ahead_ns - before.ahead_ns) + after.error_ns for before, after in pairwise(readings)
        ]
        return max(self.first.error_ns, *moved) if moved else self.first.error_ns

    @property
    def drift_ns(self) -> int:
        """Return how far the clock moved since the first reading."""
        return self.ahead_ns - self.first.ahead_ns


def best(readings: Iterable[Reading]) -> Reading:
    """Return the reading with the smallest error."""
    return min(readings, key=lambda reading: reading.error_ns)
