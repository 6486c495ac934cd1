"""Interim analyses (looks) of a run that continues until its verdicts are reached. Pure.

Repeated analyses of growing data, each at the full significance level, eventually find a difference where
there is none. Each of the `LOOKS` is therefore made at an equal share of the level (Bonferroni). A Pocock
boundary would be slightly more powerful (Jennison and Turnbull, "Group Sequential Methods with Applications
to Clinical Trials", 2000, chapter 2: 0.0221 instead of 0.0167 for three looks at 5 %), but assumes equal
batches and a known joint distribution; a bound that assumes neither is worth the difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from harness.results.model import Comparison

#: Batches of fresh instances that a run may measure, with one interim analysis each.
LOOKS: Final = 3


@dataclass(frozen=True)
class Pending:
    """Scenarios of a suite, by index, and arms that still have to be measured.

    `planned` is true if they were to be measured from the start, independently of any verdict.
    """

    scenarios: frozenset[int]
    arms: frozenset[str]
    planned: bool = False

    def __bool__(self) -> bool:
        return bool(self.scenarios)


def undecided(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Return the comparisons with a required verdict that was not reached."""
    return [row for row in comparisons if row.primary and row.verdict == "inconclusive"]
