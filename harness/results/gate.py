"""What `bench.py check` writes into a result. Pure."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from harness.results.base import Interval, Model

#: What a gate compares with: a revision, a stored baseline, or a limit that the suite states.
GateKind = Literal["revision", "baseline", "budget"]


GateVerdict = Literal["pass", "regression", "inconclusive", "not judged"]


class GateCheck(Model):
    """One figure that `bench.py check` holds to a limit.

    `value` is a ratio (now over before; turned where more is better) or a figure, of a budget the left side,
    and `ci` its interval at the run's `comparisons_confidence`. It passes when the interval lies wholly on
    the right side of `limit`.
    """

    kind: GateKind
    scenario: str
    load: str
    params: dict[str, Any] = Field(default_factory=dict)
    #: The arm, the pair of arms, or the budget as the suite has it.
    subject: str
    metric: str
    is_ratio: bool
    value: float | None
    #: The figure before and now, where `value` is their ratio; of a pair of arms it is a ratio itself.
    sides: tuple[float, float] | None = None
    #: Of both; empty for a ratio.
    unit: str = ""
    bound: Literal["<=", ">="]
    limit: float | None
    ci: Interval
    #: Half-width, as a fraction, that a ratio's interval would have if nothing had changed.
    noise_floor: float | None
    #: Batches of fresh instances that it rests on.
    batches: int
    answer: GateVerdict
    detail: str


class GateSide(Model):
    """Where one of the two sides of a gate came from: what is its own besides its code.

    `end` is how the names of its arms end. `lock` is the SHA-256, in hex, of its lock file, empty where the
    suite names none; `packages` are all that its interpreter has.
    """

    end: Literal["base", "head"]
    commit: str
    #: Whether the checkout has changes that are not committed.
    dirty: bool
    lock: str
    python: str
    #: `this tool's own`, or the name of the cached environment.
    environment: str
    packages: dict[str, str]


class Reference(Model):
    """What `bench.py check` compared with."""

    kind: Literal["revision", "baseline"]
    #: The commit, or the file.
    name: str
    #: The commit's first line, or which run it was.
    title: str
    #: A fraction that is let pass.
    tolerance: float
    #: Whether both were measured on such a machine in such a way.
    same_machine: bool
    #: Files of the servers that differ, or what differs between the machines.
    differing: list[str]
    #: Of a revision: before, then now. Results of before it was recorded have none.
    sides: list[GateSide] = Field(default_factory=list)
