"""Commits of known effect and the gate's answers to them, for `bench.py verify trials --gate`. Pure."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.errors import InconclusiveError, InvalidMeasurementError, RegressionError, SuiteError
from harness.results.base import Model
from harness.results.gate import GateCheck
from harness.studies.calibration.error_rates import MedianWithInterval, Rate, middle, rate, to_json
from harness.studies.calibration.trial_kinds import Probe

#: Work that a slow commit adds, as a fraction of its scheme's server CPU per request.
ADDED: Final = 0.10
_UNANSWERED: Final = (InconclusiveError.exit_code, InvalidMeasurementError.exit_code)
#: Exit codes of `bench.py check` after a measurement.
ANSWERED: Final = (0, RegressionError.exit_code, *_UNANSWERED)


@dataclass(frozen=True)
class Commit:
    """A kind of commit.

    Attributes:
        name: Name in trials.
        title: Title in tables.
        scheme: Scheme that it makes slower; empty for none.
        file: File with that scheme's credential check, relative to the repository.
    """

    name: str
    title: str
    scheme: str = ""
    file: str = ""


COMMITS: Final = (
    Commit("readme", "a line in README"),
    Commit("slow-token", "busy work in token's check", "token", "servers/credentials/token_scheme.py"),
    Commit("slow-cookie", "busy work in cookie's check", "cookie", "servers/credentials/session_scheme.py"),
)


class GateTrial(Model):
    """Answer of the gate to one commit.

    Attributes:
        kind: Name in `COMMITS`.
        machine: CPU model.
        seed: Seed of the gate's plan.
        started_at: Start time, ISO 8601, UTC.
        revision: Parent revision of the commit.
        dirty: Whether the measuring checkout had uncommitted changes.
        probe: Probe that the work was calculated from, measured just before; None without work.
        rounds: Iterations of the committed loop.
        exit_code: Exit code of `bench.py check`.
        named: Schemes reported as slower.
        batches: Number of batches of fresh servers.
        seconds: Duration of `bench.py check`, seconds.
        measured_added: Relative change of each scheme's server CPU per request; empty if not reported.
        gate: All checks of the gate.
    """

    kind: str
    machine: str
    seed: int
    started_at: str
    revision: str
    dirty: bool
    probe: Probe | None
    rounds: int
    exit_code: int
    named: list[str]
    batches: int
    seconds: float
    measured_added: dict[str, float]
    gate: list[GateCheck]

    @property
    def answered(self) -> bool:
        """Whether the gate gave an answer, neither inconclusive nor invalid."""
        return self.exit_code not in _UNANSWERED

    @property
    def right(self) -> bool:
        """Whether the gate failed only for the slower scheme, and named no other."""
        scheme = {commit.name: commit.scheme for commit in COMMITS}[self.kind]
        expected = (RegressionError.exit_code, [scheme]) if scheme else (0, [])
        return (self.exit_code, self.named) == expected


def with_busy_work(source: str, rounds: int) -> str:
    """Return a scheme's code with a loop of this many iterations at the start of its credential check.

    It is the loop of `calibration/slowed.py`, which the probe has timed.

    Raises:
        SuiteError: The code does not have exactly one credential check.
    """
    tree = ast.parse(source)
    checks = [
        node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef) and node.name == "identify"
    ]
    if len(checks) != 1:
        raise SuiteError(f"expected one credential check, `identify` (got {len(checks)})")
    body = checks[0].body
    first = body[1] if ast.get_docstring(checks[0]) is not None else body[0]
    indent = " " * first.col_offset
    lines = source.splitlines(keepends=True)
    lines.insert(first.lineno - 1, f"{indent}for _ in repeat(None, {rounds}):\n{indent}    pass\n")
    imports = next(node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
    lines.insert(imports.lineno - 1, "from itertools import repeat\n")
    return "".join(lines)


@dataclass(frozen=True)
class CommitRates:
    """Answers of the gate to all commits of one kind.

    Attributes:
        commit: The kind.
        right: Commits with the right answer.
        wrong: Commits passed or failed by mistake, or failed because of another scheme.
        unanswered: Commits with an inconclusive or invalid measurement.
        seconds: Duration of `bench.py check`, seconds.
        measured_added: Work measured in the slower scheme, as a fraction; None without work.
    """

    commit: Commit
    right: Rate
    wrong: Rate
    unanswered: int
    seconds: MedianWithInterval | None
    measured_added: MedianWithInterval | None


def rows(trials: Sequence[GateTrial]) -> list[CommitRates]:
    """Return a row for each kind with trials."""
    by_commit = {commit: [trial for trial in trials if trial.kind == commit.name] for commit in COMMITS}
    return [
        CommitRates(
            commit,
            right=rate(sum(trial.right for trial in of_kind), len(of_kind)),
            wrong=wrong(of_kind),
            unanswered=sum(not trial.answered for trial in of_kind),
            seconds=middle(trial.seconds for trial in of_kind),
            measured_added=middle(trial.measured_added.get(commit.scheme) for trial in of_kind),
        )
        for commit, of_kind in by_commit.items()
        if of_kind
    ]


def summary(trials: Sequence[GateTrial]) -> dict[str, Any]:
    """Return the output of `bench.py verify trials --gate --json`; `…_ci` are 95 % intervals."""
    return {
        "trials": len(trials),
        **to_json("wrong", wrong(trials)),
        "commits": [
            {
                "kind": row.commit.name,
                "trials": row.right.trials,
                **to_json("right", row.right),
                **to_json("wrong", row.wrong),
                "unanswered": row.unanswered,
                **to_json("seconds", row.seconds),
                **to_json("measured_added", row.measured_added),
            }
            for row in rows(trials)
        ],
    }


def wrong(trials: Sequence[GateTrial]) -> Rate:
    """Return the rate of commits passed or failed by mistake, or failed because of another scheme."""
    return rate(sum(trial.answered and not trial.right for trial in trials), len(trials))
