"""Offset of another machine's clock, and its maximum error. Pure.

Cristian's algorithm: request the time, and take the answer to be from the middle of the round trip. However
the round trip divides into its two directions, the error is half of it at most; of several readings the
fastest is the most accurate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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
    """Offset of another clock over time, by one reading or more, each the best of several."""

    readings: list[Reading]

    @property
    def ahead_ns(self) -> int:
        """Return how far the clock is ahead, by the last reading."""
        return self.readings[-1].ahead_ns

    @property
    def error_ns(self) -> int:
        """Return the maximum error of the assumed offset at any time.

        From one reading to the next the clock moved by their difference, and each reading has an error
        itself.
        """
        moved = [
            abs(after.ahead_ns - before.ahead_ns) + after.error_ns
            for before, after in pairwise(self.readings)
        ]
        return max([self.readings[0].error_ns, *moved])

    @property
    def drift_ns(self) -> int:
        """Return how far the clock moved since the first reading."""
        return self.ahead_ns - self.readings[0].ahead_ns


def best(readings: Iterable[Reading]) -> Reading:
    """Return the reading with the smallest error."""
    return min(readings, key=lambda reading: reading.error_ns)
