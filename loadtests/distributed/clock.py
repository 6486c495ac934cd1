"""By how much another machine's clock is ahead of ours, and how wrong that may be. Pure.

Cristian's algorithm: ask for the time, and take the answer to be from the middle of the round trip. Whatever
the two ways took, the answer is off by half the round trip at most; of many the fastest says it best.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Self


@dataclass(frozen=True)
class Reading:
    """One look at another clock: how far it was ahead, and by how much that may be wrong; both in ns."""

    ahead_ns: int
    error_ns: int

    @classmethod
    def of(cls, asked_ns: int, told_ns: int, heard_ns: int) -> Self:
        """From when we asked, what it told, and when we heard; the first and last by our own clock."""
        return cls(told_ns - (asked_ns + heard_ns) // 2, (heard_ns - asked_ns + 1) // 2)


@dataclass
class Clock:
    """What is known of another clock; `first` until it is looked at again."""

    first: Reading
    #: Looks after the first, each the best of some.
    later: list[Reading] = field(default_factory=list)

    @classmethod
    def seen(cls, readings: Iterable[Reading]) -> Self:
        """A clock that has been asked several times."""
        return cls(best(readings))

    @property
    def ahead_ns(self) -> int:
        """How far ahead it is, by the last look."""
        return ([self.first, *self.later])[-1].ahead_ns

    @property
    def error_ns(self) -> int:
        """By how much it was ever off what we took it for, at most.

        From one look to the next it moved away by what the second found, and each look has an error of its
        own.
        """
        looks = [self.first, *self.later]
        moved = [abs(now.ahead_ns - before.ahead_ns) + now.error_ns for before, now in pairwise(looks)]
        return max(self.first.error_ns, *moved) if moved else self.first.error_ns

    @property
    def drift_ns(self) -> int:
        """How far it moved away since the first look."""
        return self.ahead_ns - self.first.ahead_ns


def best(readings: Iterable[Reading]) -> Reading:
    """The one with the smallest error."""
    return min(readings, key=lambda one: one.error_ns)
