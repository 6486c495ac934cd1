"""Comparison of the servers of a revision with those of the working tree, as arms of one interleaved run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.analysis import checks
from harness.errors import NoBaselineError
from harness.gate import questions
from harness.gate.questions import GateQuestion
from harness.measure import preflight
from harness.results.gate import Reference
from harness.results.model import Check, Result
from harness.suites import catalog
from harness.suites.arms import BASE, HEAD, Arm
from harness.suites.model import Servers, Suite
from harness.testbed.revisions import worktrees
from harness.testbed.revisions.worktrees import Revision, Worktree


class AgainstRevision:
    """Task of a gate that measures every scheme as two arms, `SCHEME@base` and `SCHEME@head`."""

    def __init__(
        self,
        suite: Suite,
        revision: Revision,
        sides: tuple[Worktree, Worktree],
        differing: Sequence[str],
        known: preflight.SuiteValidator,
        tolerance: float,
    ) -> None:
        before, after = (catalog.schemes(side.tree) for side in sides)
        known.check(suite, after)
        self.new = [name for name in suite.arms if name not in before]
        self._compared = [name for name in suite.arms if name in before and after[name].transport != "none"]
        if not self._compared:
            raise NoBaselineError(f"{revision.short} has none of the schemes {', '.join(suite.arms)}.")
        budgets = questions.of_budgets(suite, f"@{HEAD}")
        # Besides the compared arms of both trees, those of the newer tree that budgets need.
        wanted = {arm for question in budgets for arm in question.arms}
        self.arms = {
            arm: Arm(arm, schemes[name], side.tree.servers, tree=side.tree)
            for name in suite.arms
            for end, schemes, side in ((BASE, before, sides[0]), (HEAD, after, sides[1]))
            for arm in [f"{name}@{end}"]
            if name in self._compared or arm in wanted
        }
        pairs = [[f"{name}@{BASE}", f"{name}@{HEAD}"] for name in self._compared]
        self.suite = suite.model_copy(update={"arms": list(self.arms), "compare": pairs})
        self.questions = [
            *questions.against_revision(suite, self._compared, known.judged(), tolerance),
            *budgets,
        ]
        self._short = revision.short
        self._reference = Reference(
            kind="revision",
            name=revision.sha,
            title=revision.title,
            tolerance=tolerance,
            same_machine=True,
            differing=list(differing),
            sides=[worktrees.provenance(sides[0], BASE), worktrees.provenance(sides[1], HEAD)],
        )

    def finalize(self, result: Result) -> tuple[list[Check], list[GateQuestion], Reference | None]:
        """Check that the code that ran differs as the trees do, by the digests that the servers reported."""
        digests = result.environment.digests
        base, head = ({digests[f"{name}@{end}"] for name in self._compared} for end in (BASE, HEAD))
        check = checks.check_difference(base, head, self._short, self._reference.differing)
        return [check], self.questions, self._reference


@contextmanager
def revision(
    name: str,
    repository: Path,
    suite: Suite,
    known: preflight.SuiteValidator,
    tolerance: float,
    log: Callable[[str], None],
    *,
    skip_unchanged: bool,
) -> Iterator[AgainstRevision | None]:
    """Yield the task of comparing with a revision while its worktree exists; None if nothing changed.

    Args:
        name: Git revision.
        repository: Folder of the checkout.
        suite: Suite to measure.
        known: Validator with the known scenarios.
        tolerance: Tolerated slowdown, as a fraction.
        log: Function that prints progress messages.
        skip_unchanged: Whether to skip servers that did not change, unless the suite has budgets.

    Raises:
        NoBaselineError: The revision does not exist, or has nothing to compare.
        SuiteError: There is no checkout, or the suite does not fit it.
        EnvironmentFailedError: git or pip failed.
    """
    top = worktrees.top_of(repository)
    commit = worktrees.resolve(top, name)
    servers = suite.servers or Servers()
    log(f"comparing the servers of {commit.short} ({commit.title}) with those of the working tree")
    with worktrees.worktree(top, commit) as place:
        before = worktrees.side(commit.short, place, servers)
        after = worktrees.side("the working tree", top, servers)
        differing = worktrees.changed(top, commit, servers)
        budgets = any(scenario.budgets for scenario in suite.scenarios)
        same = before.lock == after.lock and not worktrees.touched(top, commit, servers)
        if skip_unchanged and same and not budgets:
            log("neither the servers nor their lock file changed: nothing to measure (--skip-unchanged)")
            yield None
            return
        before, after = worktrees.with_interpreters([before, after], log)
        task = AgainstRevision(suite, commit, (before, after), differing, known, tolerance)
        if task.new:
            log(f"not compared, since new after {commit.short}: {', '.join(task.new)}")
        yield task
