"""Commits of known effect, and what the gate answered to them, for `bench.py verify trials --gate`. Pure."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from harness.errors import InconclusiveError, InvalidMeasurementError, RegressionError, SuiteError
from harness.results.gate import GateCheck
from harness.studies.calibration.error_rates import MedianWithInterval, Rate, middle, rate
from harness.studies.calibration.trial_kinds import Probe

#: Work that a slow commit adds, as a fraction of its scheme's own server CPU a request.
ADDED: Final = 0.10
_UNANSWERED: Final = (InconclusiveError.exit_code, InvalidMeasurementError.exit_code)
#: With which `bench.py check` ends that has measured something.
ANSWERED: Final = (0, RegressionError.exit_code, *_UNANSWERED)


@dataclass(frozen=True)
class Commit:
    """A kind of commit.

    Attributes:
        name: As trials have it.
        title: For people.
        scheme: That it makes slower; empty for none.
        file: Where that scheme checks a credential, from the top of the tree.
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


class GateTrial(BaseModel):
    """What a gate answered to one commit.

    Attributes:
        kind: Name in `COMMITS`.
        machine: What the system calls the CPU.
        seed: Of the gate's plan.
        started_at: ISO 8601, UTC.
        revision: What the commit was made upon.
        dirty: Whether the tree that measured had changes that were not committed.
        probe: What the work was reckoned from, measured just before; None where there was none.
        rounds: Turns of the loop that were committed.
        exit_code: Of `bench.py check`.
        named: The schemes that it called slower.
        batches: Of fresh servers that it took.
        seconds: That `bench.py check` took.
        measured_added: Server CPU a request of each scheme, now over before, less one; empty where not told.
        gate: Every figure that was held to a limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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
        """Whether the gate said anything: one that cannot tell, or must not be believed, says so."""
        return self.exit_code not in _UNANSWERED

    @property
    def right(self) -> bool:
        """Whether it failed exactly what is slower, and named that alone."""
        scheme = _BY_NAME[self.kind].scheme
        expected = (RegressionError.exit_code, [scheme]) if scheme else (0, [])
        return (self.exit_code, self.named) == expected


_BY_NAME: Final[Mapping[str, Commit]] = {commit.name: commit for commit in COMMITS}


def with_busy_work(source: str, rounds: int) -> str:
    """A scheme's code, with a loop that turns so often at the beginning of its check of a credential.

    It is the loop of `calibration/slowed.py`, whose turn was timed.

    Raises:
        SuiteError: There is no such check.
    """
    tree = ast.parse(source)
    checks = [
        node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef) and node.name == "identify"
    ]
    if len(checks) != 1:
        raise SuiteError(f"expected one check of a credential, `identify` (got {len(checks)})")
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
    """What the gate answered to all commits of one kind.

    Attributes:
        commit: The kind.
        right: Commits that it answered as it should.
        wrong: Those that it let pass and should not have, or failed, or failed by another's name.
        unanswered: Those of which it could not tell, or whose measurement was invalid.
        seconds: That `bench.py check` took.
        measured_added: To the scheme that was made slower, as a fraction; None where there is none.
    """

    commit: Commit
    right: Rate
    wrong: Rate
    unanswered: int
    seconds: MedianWithInterval | None
    measured_added: MedianWithInterval | None


def rows(trials: Sequence[GateTrial]) -> list[CommitRates]:
    """A row for each kind there are trials of."""
    found = []
    for commit in COMMITS:
        own = [trial for trial in trials if trial.kind == commit.name]
        if own:
            found.append(
                CommitRates(
                    commit,
                    right=rate(sum(trial.right for trial in own), len(own)),
                    wrong=_wrong(own),
                    unanswered=sum(not trial.answered for trial in own),
                    seconds=middle(trial.seconds for trial in own),
                    measured_added=middle(trial.measured_added.get(commit.scheme) for trial in own),
                )
            )
    return found


def summary(trials: Sequence[GateTrial]) -> dict[str, Any]:
    """The figures as `bench.py verify trials --gate --json` prints them; `…_ci` are intervals at 95 %."""
    every = _wrong(trials)
    return {
        "trials": every.trials,
        "wrong": every.happened,
        "wrong_ci": every.ci,
        "commits": [
            {
                "kind": row.commit.name,
                "trials": row.right.trials,
                "right": row.right.happened,
                "right_ci": row.right.ci,
                "wrong": row.wrong.happened,
                "wrong_ci": row.wrong.ci,
                "unanswered": row.unanswered,
                **_middle("seconds", row.seconds),
                **_middle("measured_added", row.measured_added),
            }
            for row in rows(trials)
        ],
    }


def _wrong(trials: Sequence[GateTrial]) -> Rate:
    return rate(sum(trial.answered and not trial.right for trial in trials), len(trials))


def _middle(name: str, one: MedianWithInterval | None) -> dict[str, Any]:
    return {name: None, f"{name}_ci": None} if one is None else {name: one.value, f"{name}_ci": one.ci}
