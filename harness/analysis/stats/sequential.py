"""A run that goes on until its verdicts are reached: how often it may look, and at what price. Pure.

Who looks at a growing experiment again and again, each time at the whole level, finds a difference in the
end where there is none. Each of the `LOOKS` that a run may take is therefore made at its share of the level
(Bonferroni). A Pocock boundary would be a little cheaper (Jennison and Turnbull, "Group Sequential Methods
with Applications to Clinical Trials", 2000, chapter 2: 0.0221 instead of 0.0167 for three looks at 5 %), but
rests on equal batches and a known joint distribution; a bound that needs neither is worth the difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from harness.results.model import Comparison

#: Batches of fresh instances that a run may measure, and looks that it so takes.
LOOKS: Final = 3


@dataclass(frozen=True)
class Pending:
    """What is still to be measured: these scenarios of a suite, by their number, with these arms.

    `planned` says that it was to be measured from the beginning, whatever is found: it waits for no verdict.
    """

    scenarios: frozenset[int]
    arms: frozenset[str]
    planned: bool = False

    def __bool__(self) -> bool:
        return bool(self.scenarios)


def undecided(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """The comparisons whose verdict was asked for and not reached."""
    return [row for row in comparisons if row.primary and row.verdict == "inconclusive"]
