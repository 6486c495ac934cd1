"""What the load of an incident is told, and what it saw, bin by bin, with the wire format of both. Pure.

Written by the load generator, read by the harness, kept beside the result: one JSON object a line, a header
first, a footer last. Times are nanoseconds of `time.perf_counter_ns` since the load began; on Linux and macOS
that clock is one for all processes, so load and harness agree on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from harness.protocol.plan import ArrivalProcess, Target

FORMAT_VERSION: Final = 1
#: Width of a bin.
BIN_NS: Final = 50_000_000

#: Outcomes of a request that are no failure: a read that was answered, and a login.
OK: Final = "ok"
LOGIN: Final = "login"
WELL: Final = frozenset({OK, LOGIN})
#: Answers that refuse somebody; of somebody watched each is an outcome of its own: `401 revoked`.
REFUSALS: Final = ("401", "403")
#: No outcome of a request: an arrival at which all people of the arm were still waiting for an answer.
NOT_SENT: Final = "not sent"
#: No answer in time; what refused to be connected to; what hung up before it answered.
TIMEOUT: Final = "timeout"
REFUSED_CONNECTION: Final = "refused connection"
LOST_CONNECTION: Final = "lost connection"


def is_wanted(outcome: str) -> bool:
    """Whether it is the refusal of somebody watched, which is what was to be brought about."""
    status, _, watched = outcome.partition(" ")
    return status in REFUSALS and bool(watched)


def is_failure(outcome: str) -> bool:
    """Whether it should not be: arrivals that were not sent count too."""
    return outcome not in WELL and not is_wanted(outcome)


@dataclass(frozen=True)
class VirtualUser:
    """Somebody who visits an arm again and again.

    Attributes:
        account: Number of the account.
        read_path: What a read asks for.
        watched: What will be done to the account, such as `revoked`; empty for nobody in particular. Each
            read of somebody watched is recorded by itself, and who is refused does not log in again.
    """

    account: int
    read_path: str
    watched: str = ""


@dataclass(frozen=True)
class ArmUsers:
    """The people of one arm, and the servers they go to: after the plan's `switch_ns` the successor."""

    target: Target
    people: tuple[VirtualUser, ...]
    successor: Target | None = None


@dataclass(frozen=True)
class IncidentPlan:
    """Everything a load generator needs to know to drive all arms through one incident.

    Attributes:
        scenario: Name of the scenario in loadtests/scenarios.
        rate: Arrivals per second at each arm.
        arrivals: How they are spaced.
        seed: Seeds Poisson arrivals.
        duration_ns: From the first arrival that may be to the last.
        warmup_visits: Discarded visits of every person before that.
        timeout_s: A request without an answer after this long has failed.
        parties: One an arm.
        line: Unix socket of the harness, on which both agree when the load begins.
        switch_ns: Moment from which on visits go to the successors.
    """

    scenario: str
    rate: float
    arrivals: ArrivalProcess
    seed: int
    duration_ns: int
    warmup_visits: int
    timeout_s: float
    parties: tuple[ArmUsers, ...]
    line: str
    switch_ns: int = 0

    @property
    def users(self) -> int:
        """People of all arms."""
        return sum(len(party.people) for party in self.parties)

    @property
    def process(self) -> int:
        """Number of the load process: there is one."""
        return 0

    @property
    def processes(self) -> int:
        """How many share the load."""
        return 1

    def dumps(self) -> str:
        """The plan as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> IncidentPlan:
        """The plan that `dumps` wrote; raises KeyError, TypeError or ValueError on anything else."""
        fields = json.loads(text)
        fields["parties"] = tuple(
            ArmUsers(
                Target.of(party["target"]),
                tuple(VirtualUser(**person) for person in party["people"]),
                Target.of(party["successor"]) if party["successor"] else None,
            )
            for party in fields["parties"]
        )
        return cls(**fields)


@dataclass(frozen=True)
class Event:
    """Something that was done while the load went on.

    Attributes:
        at_ns: When it was done.
        what: In words.
        arm: To which arm; empty for all.
        watched: To whose account, by `Person.watched`; empty for nobody's in particular.
        restores: From here on all could be well again.
        begun_ns: When its doing began; it may bite before whoever does it is told so.
    """

    at_ns: int
    what: str
    arm: str = ""
    watched: str = ""
    restores: bool = False
    begun_ns: int | None = None

    @property
    def bites_ns(self) -> int:
        """The first moment at which anything may be seen of it."""
        return self.at_ns if self.begun_ns is None else self.begun_ns


@dataclass(frozen=True)
class Bin:
    """What ended at one arm within `BIN_NS`: requests by outcome, arrivals not sent, the slowest answer."""

    arm: str
    number: int
    outcomes: Mapping[str, int]
    slowest_ns: int = 0


@dataclass(frozen=True)
class ProbeRecord:
    """The reads of somebody watched: when each was sent, and its outcome, in the order of their ends."""

    arm: str
    watched: str
    sent_ns: tuple[int, ...]
    outcomes: tuple[str, ...]


@dataclass(frozen=True)
class Timeline:
    """What the load saw of one incident.

    Attributes:
        scenario: Its name.
        bins: Those in which anything ended, arm by arm, in the order of time.
        watching: One an arm and person watched.
        lag_p99_ns: How far behind schedule requests were sent, 99th percentile.
        errors: What went wrong before the load began, by text.
        complete: False where the final report is missing: nothing of it may be believed.
    """

    scenario: str
    bins: tuple[Bin, ...]
    watching: tuple[ProbeRecord, ...] = ()
    lag_p99_ns: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    complete: bool = True

    def lines(self) -> Iterator[str]:
        """The timeline as JSON lines."""
        yield _line({"format": FORMAT_VERSION, "incident": self.scenario})
        for one in self.bins:
            yield _line({"bin": asdict(one)})
        for watching in self.watching:
            yield _line({"watching": asdict(watching)})
        if self.complete:
            rows = len(self.bins) + len(self.watching)
            yield _line({"end": rows, "lag_p99_ns": self.lag_p99_ns, "errors": dict(self.errors)})

    @classmethod
    def read(cls, lines: Iterable[str]) -> Timeline:
        """Read what `lines` wrote; a torn or missing end makes `complete` False, never an exception.

        Raises:
            ValueError: The first line is no header of this format.
        """
        rows = iter(lines)
        header = _parse(next(rows, ""))
        if header.get("format") != FORMAT_VERSION or "incident" not in header:
            raise ValueError(f"not a timeline of format {FORMAT_VERSION}")
        bins: list[Bin] = []
        watching: list[ProbeRecord] = []
        for text in rows:
            match _parse(text):
                case {"bin": fields}:
                    bins.append(Bin(**fields))
                case {"watching": fields}:
                    sent_ns, outcomes = tuple(fields["sent_ns"]), tuple(fields["outcomes"])
                    watching.append(ProbeRecord(**fields | {"sent_ns": sent_ns, "outcomes": outcomes}))
                case {"end": count, "lag_p99_ns": lag_ns, "errors": errors}:
                    whole = count == len(bins) + len(watching)
                    return cls(header["incident"], tuple(bins), tuple(watching), lag_ns, errors, whole)
                case _:
                    break
        return cls(header["incident"], tuple(bins), tuple(watching), complete=False)


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row) + "\n"


def _parse(text: str) -> dict[str, Any]:
    """The object of one line; empty for what is none."""
    try:
        row = json.loads(text)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}
