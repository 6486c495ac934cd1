"""Goals of docs/method.md, compared with measurements, and their table. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table


@dataclass(frozen=True)
class Goal:
    """A goal, and the value that was measured; `reached` is None if it cannot be decided."""

    text: str
    figure: str
    reached: bool | None


def goals_table(goals: Sequence[Goal], undecided: str) -> Table:
    """Return a table of goals; `undecided` is the mark of those that cannot be decided."""
    marks = {True: "reached", False: "MISSED", None: undecided}
    table = Table("goal", "measured", "", box=None, pad_edge=False)
    for goal in goals:
        table.add_row(goal.text, goal.figure, marks[goal.reached])
    return table
