"""Plan and record of the load of an incident, counted in bins of time, with the file format of both. Pure.

The record is written by the load generator, read by the harness, and kept with the result: one JSON object
per line, a header first, a footer last. Times are nanoseconds of `time.perf_counter_ns` since the load began;
on Linux and macOS that clock is the same for all processes, so load and harness agree on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import ClassVar, Final

from harness.protocol import json_lines
from harness.protocol.plan import ArrivalProcess, Target

FORMAT_VERSION: Final = 1
#: Width of a bin.
BIN_NS: Final = 50_000_000

#: Outcomes of a request that are not failures: an answered read, and a login.
OK: Final = "ok"
LOGIN: Final = "login"
WELL: Final = frozenset({OK, LOGIN})
#: Statuses of a refusal; for a watched user each is a separate outcome: `401 revoked`.
REFUSALS: Final = ("401", "403")
#: Outcome of an arrival without a request, since all users of the arm still waited for an answer.
NOT_SENT: Final = "not sent"
#: No answer in time; a connection that was refused; one that was closed before the answer.
TIMEOUT: Final = "timeout"
REFUSED_CONNECTION: Final = "refused connection"
LOST_CONNECTION: Final = "lost connection"


def is_wanted(outcome: str) -> bool:
    """Whether an outcome is the refusal of a watched user, which is the purpose of the incident."""
    status, _, watched = outcome.partition(" ")
    return status in REFUSALS and bool(watched)


def is_failure(outcome: str) -> bool:
    """Whether an outcome is a failure; arrivals that were not sent count too."""
    return outcome not in WELL and not is_wanted(outcome)


@dataclass(frozen=True)
class VirtualUser:
    """A user that visits an arm repeatedly.

    Attributes:
        account: Number of the account.
        read_path: Path of a read.
        watched: Change that will be made to the account, such as `revoked`; empty for none. Each read of a
            watched user is recorded separately, and after a refusal it does not log in again.
    """

    account: int
    read_path: str
    watched: str = ""


@dataclass(frozen=True)
class ArmUsers:
    """Users of one arm, and their servers: from the plan's `switch_ns` on the successor."""

    target: Target
    people: tuple[VirtualUser, ...]
    successor: Target | None = None


@dataclass(frozen=True)
class IncidentPlan:
    """Complete instructions of a load generator for one incident of all arms.

    Attributes:
        scenario: Name of the scenario in loadtests/scenarios.
        rate: Arrivals per second at each arm.
        arrivals: Spacing of the arrivals.
        seed: Seed of Poisson arrivals.
        duration_ns: Time from the first possible arrival to the last.
        warmup_visits: Discarded visits of every user before that.
        timeout_s: Seconds without an answer after which a request has failed.
        parties: Users of each arm.
        line: Unix socket of the harness, on which both agree when the load begins.
        switch_ns: Moment from which on visits go to the successors.
        process: Number of the load process: there is only one.
        processes: Number of processes that share the load.
    """

    process: ClassVar[int] = 0
    processes: ClassVar[int] = 1

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
        """Return the number of users of all arms."""
        return sum(len(party.people) for party in self.parties)

    def dumps(self) -> str:
        """Return the plan as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> IncidentPlan:
        """Parse what `dumps` wrote; raises KeyError, TypeError or ValueError on anything else."""
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
    """Change that was made during the load.

    Attributes:
        at_ns: When it was complete.
        what: Description.
        arm: Arm that it was made to; empty for all.
        watched: Account that it was made to, by `VirtualUser.watched`; empty for none in particular.
        restores: Whether recovery is possible from here on.
        begun_ns: When it was begun; it may take effect before it is known to be complete.
    """

    at_ns: int
    what: str
    arm: str = ""
    watched: str = ""
    restores: bool = False
    begun_ns: int | None = None


@dataclass(frozen=True)
class Bin:
    """Requests of one arm that ended within `BIN_NS`, by outcome; unsent arrivals; the slowest answer."""

    arm: str
    number: int
    outcomes: Mapping[str, int]
    slowest_ns: int = 0


@dataclass(frozen=True)
class ProbeRecord:
    """Reads of a watched user: when each was sent, and its outcome, in the order of their ends."""

    arm: str
    watched: str
    sent_ns: tuple[int, ...]
    outcomes: tuple[str, ...]


@dataclass(frozen=True)
class Timeline:
    """Record of the load of one incident.

    Attributes:
        scenario: Name of the scenario.
        bins: Bins in which a request ended, arm by arm, in the order of time.
        watching: Reads of each watched user of each arm.
        lag_p99_ns: Delay of sending behind schedule, 99th percentile.
        errors: Number of errors before the load began, by text.
        complete: False if the final report is missing, which makes all of it invalid.
    """

    scenario: str
    bins: tuple[Bin, ...]
    watching: tuple[ProbeRecord, ...] = ()
    lag_p99_ns: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    complete: bool = True

    def lines(self) -> Iterator[str]:
        """Yield the timeline as JSON lines."""
        rows = [{"bin": asdict(time_bin)} for time_bin in self.bins]
        rows += [{"watching": asdict(probe)} for probe in self.watching]
        yield json_lines.line({"format": FORMAT_VERSION, "incident": self.scenario})
        yield from map(json_lines.line, rows)
        if self.complete:
            footer = {"end": len(rows), "lag_p99_ns": self.lag_p99_ns, "errors": dict(self.errors)}
            yield json_lines.line(footer)

    @classmethod
    def read(cls, lines: Iterable[str]) -> Timeline:
        """Read what `lines` wrote; a torn or missing end makes `complete` False, and raises no exception.

        Raises:
            ValueError: The first line is not a header of this format.
        """
        header, rows, footer = json_lines.read(lines)
        if header.get("format") != FORMAT_VERSION or "incident" not in header:
            raise ValueError(f"not a timeline of format {FORMAT_VERSION}")
        probes = [row["watching"] for row in rows if "watching" in row]
        return cls(
            header["incident"],
            tuple(Bin(**row["bin"]) for row in rows if "bin" in row),
            tuple(
                ProbeRecord(probe["arm"], probe["watched"], tuple(probe["sent_ns"]), tuple(probe["outcomes"]))
                for probe in probes
            ),
            footer.get("lag_p99_ns", 0),
            footer.get("errors", {}),
            complete=footer.get("end") == len(rows) and {"lag_p99_ns", "errors"} <= footer.keys(),
        )
