"""Protocol of a gate's task: what to measure, and the questions to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from harness.gate.questions import GateQuestion
from harness.results.gate import Reference
from harness.results.model import Check, Result
from harness.suites.arms import Arm
from harness.suites.model import Suite


class Task(Protocol):
    """Comparison with a revision, or with a stored baseline and budgets."""

    @property
    def suite(self) -> Suite:
        """Return the suite to measure."""

    @property
    def arms(self) -> Mapping[str, Arm]:
        """Return the program of each arm of the suite."""

    @property
    def questions(self) -> Sequence[GateQuestion]:
        """Return the questions to answer."""

    def finalize(self, result: Result) -> tuple[list[Check], list[GateQuestion], Reference | None]:
        """Return further checks of the result, the questions that can be answered, and the reference."""
