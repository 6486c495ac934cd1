"""Comparison of the working tree with a stored baseline and with the budgets of the suite."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness.errors import NoBaselineError, SuiteError
from harness.gate import questions
from harness.gate.questions import GateQuestion
from harness.measure import preflight
from harness.report.compare.comparability import obstacles, speed_difference
from harness.results import archive
from harness.results.gate import Reference
from harness.results.model import Check, Result
from harness.suites import catalog
from harness.suites.arms import FLOOR, Arm, arms_of_schemes
from harness.suites.model import Suite
from harness.system.source_tree import Tree

#: Ratio of loop times above which a machine with the same CPU name is in another state.
MUCH: Final = 1.25


class AgainstStored:
    """Task of a gate that runs the suite and compares the result with a baseline and budgets."""

    def __init__(
        self, suite: Suite, tree: Tree, known: preflight.SuiteValidator, file: Path | None, tolerance: float
    ) -> None:
        self.suite = suite
        self.arms = arms_of(suite, known, tree)
        self._file = file
        self._tolerance = tolerance
        self._baseline = None if file is None else _load(file)
        self.questions = questions.of_budgets(suite)
        if self._baseline is not None:
            floor = FLOOR if FLOOR in suite.arms else None
            if missing := questions.gaps(suite, self._baseline):
                raise NoBaselineError(
                    f"{file} does not fit the current suite {suite.name}: {'; '.join(missing)}."
                    f" Measure it again with `bench.py check {known.source} --save-baseline FILE`."
                )
            compared = questions.against_baseline(suite, self._baseline, floor, known.judged(), tolerance)
            self.questions = [*compared, *self.questions]
        if not self.questions:
            raise SuiteError(
                f"{suite.name} states no budgets, so name a reference: --against REV or --baseline FILE."
            )

    def finalize(self, result: Result) -> tuple[list[Check], list[GateQuestion], Reference | None]:
        """Return checks, questions and reference; raw times only if machine and conditions are the same."""
        if self._baseline is None:
            return [], list(self.questions), None
        differing = obstacles(self._baseline, result)
        kept = [question for question in self.questions if not (differing and question.is_raw)]
        comparand = Reference(
            kind="baseline",
            name=str(self._file),
            title=f"run {self._baseline.run.id}, {self._baseline.run.started_at}",
            tolerance=self._tolerance,
            same_machine=not differing,
            differing=[f"{name}: {then} then, {now} now" for name, (then, now) in differing.items()],
        )
        return _check_speed(self._baseline, result), kept, comparand


def _check_speed(baseline: Result, result: Result) -> list[Check]:
    """Check that the CPU is as fast as for the baseline: contention, now or then, changes ratios."""
    ratio = speed_difference(baseline, result)
    if ratio <= MUCH or baseline.environment.cpu != result.environment.cpu:
        return []
    return [
        Check(
            check="speed of the machine",
            status="invalid",
            detail=f"a fixed loop took {baseline.environment.turn_ns:.1f} ns per iteration when the baseline"
            f" was measured and takes {result.environment.turn_ns:.1f} now, on a CPU of the same name:"
            " contention slows some code more than other code, so ratios cannot be compared either. Repeat"
            " when the host is idle, or use --against, which measures both sides at the same time.",
        )
    ]


def arms_of(suite: Suite, known: preflight.SuiteValidator, tree: Tree) -> dict[str, Arm]:
    """Return the arms that a suite may name, all from one source tree.

    Raises:
        SuiteError: The suite names other arms, or scenarios that do not exist.
    """
    schemes = catalog.schemes(tree)
    known.check(suite, schemes)
    return arms_of_schemes(schemes.values(), tree)


def _load(file: Path) -> Result:
    if not file.exists():
        raise NoBaselineError(
            f"{file}: no such baseline; measure and write it with `bench.py check --save-baseline`."
        )
    stored = archive.load(file)
    if not stored.valid:
        raise NoBaselineError(
            f"{file} is not a valid measurement; write a new one with `bench.py check --save-baseline`."
        )
    return stored
