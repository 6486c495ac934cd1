"""The kinds of trials, and what one trial found. Pure.

Every trial holds an arm `plain` against an arm `changed`. In what way they differ is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from harness.results.base import Interval, Verdict
from harness.suites.arms import PATH_LENGTHS

#: As much longer is the path to a copy that lies farther down.
_FARTHER: Final = 32

#: Something that goes on beside the load.
Disturbance = Literal["", "neighbour", "stutter"]


@dataclass(frozen=True)
class TrialKind:
    """One way in which two arms differ.

    Attributes:
        name: As trials and tables have it.
        title: For people.
        added: Work added to the changed arm, as a fraction of the plain arm's server CPU a request.
        every: Only one request in so many has it: so much more of it.
        of_instances: Only one instance in so many has it: so much more of it. Their geometric mean, which is
            judged, rises by a little less than `added`.
        leak: Bytes that each request to the changed arm leaves behind.
        beside: What goes on beside the load.
        farther: Both arms run copies of the servers, and by so many letters is the path to the changed
            arm's copy the longer one; 0 where there is one tree for both.
        path_lengths: From how many the length of the path to each server is drawn (harness/suites/arms.py).
        scheme: What both arms serve.
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
        """Whether both arms run the very same."""
        return not self.added and not self.leak


#: Those that the error rates are counted in.
RATES: Final = (
    TrialKind("aa", "the same code in both arms"),
    TrialKind("slower-3", "3 % more work in one arm", added=0.03),
    TrialKind("slower-5", "5 % more work in one arm", added=0.05),
)
#: Other shapes of slowness, and of trouble.
SHAPES: Final = (
    TrialKind("tenth", "every tenth request of one arm has 50 % more work", added=0.05, every=10),
    TrialKind(
        "one-of-eight", "one instance of eight of one arm has 40 % more work", added=0.05, of_instances=8
    ),
    TrialKind("leak", "each request to one arm leaves 1 kB behind", leak=1000),
    TrialKind(
        "slow-store", "the store both arms use is stopped half of the time", beside="stutter", scheme="cookie"
    ),
    TrialKind("neighbour", "half-way a process begins that wants the servers' CPU", beside="neighbour"),
    TrialKind("elsewhere", "the same code in a folder farther down", farther=_FARTHER),
    TrialKind(
        "elsewhere-still", "the same code farther down, no lengths drawn", farther=_FARTHER, path_lengths=0
    ),
)
KINDS: Final[Mapping[str, TrialKind]] = {kind.name: kind for kind in (*RATES, *SHAPES)}


class Probe(BaseModel):
    """What the size of the work is reckoned from.

    Attributes:
        server_cpu_us: CPU time of a plain server, us a request under saturation.
        round_ns: CPU time of a turn of the loop that is added, where it turns.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    server_cpu_us: float
    round_ns: float

    def rounds(self, kind: TrialKind) -> int:
        """How often the loop must turn in each request that has any work."""
        return self.turns(kind.added * kind.every * kind.of_instances)

    def turns(self, share: float) -> int:
        """How often the loop turns in this share of a request's server CPU."""
        return round(share * self.server_cpu_us * 1e3 / self.round_ns)


class Trial(BaseModel):
    """One trial.

    Attributes:
        kind: Name in `KINDS`.
        seed: Of its plan.
        started_at: ISO 8601, UTC.
        revision: Of the tree that made it; None outside a checkout.
        dirty: Whether that tree had changes that were not committed.
        verdict: On the changed arm against the plain one; None where the run was invalid.
        ratio: Changed over plain, of the primary metric; None where an arm recorded nothing.
        ci: Its interval at the confidence of a look.
        looks: Batches of instances that it took.
        seconds: Until the verdict, starting of servers included.
        probe: What the work was reckoned from, by a probe just before or a trial minutes ago; None where
            there was no work.
        measured_added: How much work was really added, as a fraction of the plain arm's server CPU a request.
        invalid: The checks that made the run invalid.
        warned: The checks that warned.
        memory: Resident memory of a changed instance over that of a plain one, at the end.
        usual: Rates of two single servers, one measured after the other, by the tool that measured them:
            (plain, changed), requests a second; empty for shapes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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
