"""The kinds of trials, and the result of a trial. Pure.

Every trial compares an arm `changed` with an arm `plain`. Their difference is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from harness.results.base import Interval, Model, Verdict
from harness.suites.arms import PATH_LENGTHS

#: Additional letters of the path to a copy in a deeper folder.
_FARTHER: Final = 32

#: A disturbance during the load.
Disturbance = Literal["", "neighbour", "stutter"]


@dataclass(frozen=True)
class TrialKind:
    """A known difference between two arms.

    Attributes:
        name: Name in trials and tables.
        title: Title for people.
        added: Work added to the changed arm, as a fraction of the plain arm's server CPU per request.
        every: Number of requests per request with work, which then has as many times the work.
        of_instances: Number of instances per instance with work, which then has as many times the work.
            Their geometric mean, which is judged, rises by a little less than `added`.
        leak: Bytes that each request to the changed arm leaks.
        beside: Disturbance during the load.
        farther: Additional letters of the path to the changed arm's copy of the servers; 0 if both arms run
            the same copy.
        path_lengths: Number of path lengths that are drawn from for each server (harness/suites/arms.py).
        scheme: Scheme of both arms.
    """

    name: str
    title: str
    added: float = 0
    every: int = 1
    of_instances: int = 1
    leak: int = 0
    beside: Disturbance = ""
    farther: int = 0
    path_lengths: int = PATH_LENGTHS
    scheme: str = "token"

    @property
    def is_same(self) -> bool:
        """Whether both arms do the same work."""
        return not self.added and not self.leak


#: Kinds for error rates.
RATES: Final = (
    TrialKind("aa", "the same code in both servers"),
    TrialKind("slower-3", "3 % more work in one server", added=0.03),
    TrialKind("slower-5", "5 % more work in one server", added=0.05),
)
#: Other shapes of slowdowns and disturbances.
SHAPES: Final = (
    TrialKind("tenth", "every tenth request of one server has 50 % more work", added=0.05, every=10),
    TrialKind(
        "one-of-eight", "one process of eight of one server has 40 % more work", added=0.05, of_instances=8
    ),
    TrialKind("leak", "each request to one server leaks 1 kB", leak=1000),
    TrialKind(
        "slow-store",
        "the store of both servers is stopped half of the time",
        beside="stutter",
        scheme="cookie",
    ),
    TrialKind("neighbour", "half-way another process competes for the servers' CPU", beside="neighbour"),
    TrialKind("elsewhere", "the same code in a deeper folder", farther=_FARTHER),
    TrialKind(
        "elsewhere-still",
        "the same code in a deeper folder, path lengths not drawn",
        farther=_FARTHER,
        path_lengths=0,
    ),
)
KINDS: Final[Mapping[str, TrialKind]] = {kind.name: kind for kind in (*RATES, *SHAPES)}


class Probe(Model):
    """Measured times that the amount of work is calculated from.

    Attributes:
        server_cpu_us: CPU time of a plain server under saturation, µs per request.
        round_ns: CPU time of an iteration of the added loop in the server, ns.
    """

    server_cpu_us: float
    round_ns: float

    def rounds(self, kind: TrialKind) -> int:
        """Return the iterations of the loop in each request with work."""
        return self.turns(kind.added * kind.every * kind.of_instances)

    def turns(self, share: float) -> int:
        """Return the iterations of the loop that take this share of a request's server CPU."""
        return round(share * self.server_cpu_us * 1e3 / self.round_ns)


class Trial(Model):
    """Result of one trial.

    Attributes:
        kind: Name in `KINDS`.
        seed: Seed of the plan.
        started_at: Start time, ISO 8601, UTC.
        revision: Revision of the measuring checkout; None outside a checkout.
        dirty: Whether that checkout had uncommitted changes.
        verdict: Verdict on the changed arm relative to the plain one; None if the run was invalid.
        ratio: Changed over plain, of the primary metric; None if an arm recorded nothing.
        ci: Interval of the ratio at the confidence of an interim analysis.
        looks: Number of batches of instances.
        seconds: Time to the verdict in seconds, including the start of servers.
        probe: Times that the work was calculated from, of a probe or a recent trial; None without work.
        measured_added: Measured added work, as a fraction of the plain arm's server CPU per request.
        invalid: Checks that made the run invalid.
        warned: Checks with a warning.
        memory: Resident memory of a changed instance over that of a plain one, at the end.
        usual: Rates from back-to-back runs on a server of each arm, by tool: (plain, changed), requests per
            second; empty for shapes.
    """

    kind: str
    seed: int
    started_at: str
    revision: str | None
    dirty: bool | None
    verdict: Verdict | None
    ratio: float | None
    ci: Interval
    looks: int
    seconds: float
    probe: Probe | None
    measured_added: float | None
    invalid: list[str]
    warned: list[str]
    memory: float
    usual: dict[str, tuple[float, float]]
