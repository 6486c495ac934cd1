"""The working tree against what is stored: a baseline, and the budgets of the suite."""

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

#: A machine of the same name whose fixed loop takes so many times as long is in another state.
MUCH: Final = 1.25


class AgainstStored:
    """The task: a plain run of the suite."""

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
            if lacking := questions.gaps(suite, self._baseline):
                raise NoBaselineError(
                    f"{file} is no baseline of suite {suite.name} as it is now: {'; '.join(lacking)}."
                    f" Measure it again with `bench.py check {known.source} --save-baseline FILE`."
                )
            asked = questions.against_baseline(suite, self._baseline, floor, known.judged(), tolerance)
            self.questions = [*asked, *self.questions]
        if not self.questions:
            raise SuiteError(
                f"{suite.name} states no budgets, so say what to compare with: --against REV or"
                " --baseline FILE."
            )

    def finalize(self, result: Result) -> tuple[list[Check], list[GateQuestion], Reference | None]:
        """Raw times are left out where the baseline was not measured on such a machine, in such a way."""
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
    """A CPU of the same name that is much slower or faster is crowded, or was: then ratios move, too."""
    times = speed_difference(baseline, result)
    if times <= MUCH or baseline.environment.cpu != result.environment.cpu:
        return []
    return [
        Check(
            check="speed of the machine",
            status="invalid",
            detail=f"a fixed loop took {baseline.environment.turn_ns:.1f} ns a turn when the baseline was"
            f" measured and takes {result.environment.turn_ns:.1f} now, on a CPU of the same name: who shares"
            " it slows some code more than other, so ratios cannot be compared either. Repeat in a quieter"
            " hour, or ask --against, whose two sides meet the same hour.",
        )
    ]


def arms_of(suite: Suite, known: preflight.SuiteValidator, tree: Tree) -> dict[str, Arm]:
    """The arms that a suite may name, all from one tree.

    Raises:
        SuiteError: It names others, or other scenarios.
    """
    schemes = catalog.schemes(tree)
    known.check(suite, schemes)
    return arms_of_schemes(schemes.values(), tree)


def _load(file: Path) -> Result:
    if not file.exists():
        raise NoBaselineError(
            f"{file}: no such baseline; `bench.py check --save-baseline` measures and writes one."
        )
    stored = archive.load(file)
    if not stored.valid:
        raise NoBaselineError(
            f"{file} is no valid measurement; write another with `bench.py check --save-baseline`."
        )
    return stored
