"""What a gate has to measure, and what it asks of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from harness.gate.questions import GateQuestion
from harness.results.gate import Reference
from harness.results.model import Check, Result
from harness.suites.arms import Arm
from harness.suites.model import Suite


class Task(Protocol):
    """One way to ask: against a revision, or against what is stored."""

    @property
    def suite(self) -> Suite:
        """What to measure."""

    @property
    def arms(self) -> Mapping[str, Arm]:
        """What each arm of the suite runs."""

    @property
    def questions(self) -> Sequence[GateQuestion]:
        """What is asked of it."""

    def finalize(self, result: Result) -> tuple[list[Check], list[GateQuestion], Reference | None]:
        """Once measured: what else to check, the questions that are answered, and what was compared with."""
