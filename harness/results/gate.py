"""Parts of a result that `bench.py check` writes. Pure."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from harness.results.base import Interval, Model

#: Reference of a gate: a revision, a stored baseline, or a limit in the suite.
GateKind = Literal["revision", "baseline", "budget"]
GateVerdict = Literal["pass", "regression", "inconclusive", "not judged"]


class GateCheck(Model):
    """Value that `bench.py check` compares with a limit.

    `value` is a ratio (now over before; inverted if larger is better) or an absolute value (of a budget, its
    left side), and `ci` its interval at the run's `comparisons_confidence`. The check passes if the whole
    interval is on the right side of `limit`.
    """

    kind: GateKind
    scenario: str
    load: str
    params: dict[str, Any] = Field(default_factory=dict)
    #: Arm, pair of arms, or text of the budget in the suite.
    subject: str
    metric: str
    is_ratio: bool
    value: float | None
    #: Values before and now, if `value` is their ratio; for a pair of arms they are ratios themselves.
    sides: tuple[float, float] | None = None
    #: Unit of value and sides; empty for a ratio.
    unit: str = ""
    bound: Literal["<=", ">="]
    limit: float | None
    ci: Interval
    #: Half-width, as a fraction, that a ratio's interval would have without any change.
    noise_floor: float | None
    #: Batches of fresh instances that it is based on.
    batches: int
    answer: GateVerdict
    detail: str


class GateSide(Model):
    """One of the two sides of a gate: revision and Python environment.

    `end` is the suffix of the names of its arms. `lock` is the SHA-256, in hex, of its lock file, empty if
    the suite names none; `packages` are all packages of its interpreter.
    """

    end: Literal["base", "head"]
    commit: str
    #: Whether the checkout has uncommitted changes.
    dirty: bool
    lock: str
    python: str
    #: `this tool's own`, or the name of the cached environment.
    environment: str
    packages: dict[str, str]


class Reference(Model):
    """Reference that `bench.py check` compared with."""

    kind: Literal["revision", "baseline"]
    #: Commit or file.
    name: str
    #: Subject line of the commit, or name of the run.
    title: str
    #: Tolerated slowdown, as a fraction.
    tolerance: float
    #: Whether both were measured on the same kind of machine in the same way.
    same_machine: bool
    #: Files of the servers that differ, or differences between the machines.
    differing: list[str]
    #: Sides before and now, for a revision; empty in results of older versions.
    sides: list[GateSide] = Field(default_factory=list)
