"""Drives all arms through an incident at once, each at its own rate, and lays out over time what was seen.

Every arm has people of its own, and an arrival goes to whoever of them has been idle longest. Where all of an
arm still wait for an answer, the arrival is not sent, and counted: a server that is stuck holds up neither
the schedule of others nor its own, and no backlog follows once it is free.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import perf_counter_ns
from typing import Final, Self

import gevent
from gevent.event import AsyncResult
from locust.env import Environment

from harness.protocol.incidents import (
    BIN_NS,
    LOST_CONNECTION,
    NOT_SENT,
    OK,
    REFUSALS,
    REFUSED_CONNECTION,
    TIMEOUT,
    ArmUsers,
    Bin,
    IncidentPlan,
    ProbeRecord,
    Timeline,
    VirtualUser,
)
from harness.protocol.plan import Target, arrival_offsets
from loadtests.barrier import LocalSlotEdges
from loadtests.client import Connection, Deadlines, TimedAnswer, log_in
from loadtests.pacing import SWITCH_INTERVAL_S, Rendezvous, wait_until
from loadtests.recorder import WRONG
from loadtests.scenarios import ScenarioFile
from loadtests.session import Session
from servers import contract

_READ: Final = "read"


@dataclass(frozen=True)
class ObservedRequest:
    """One request: its step, when it was sent and ended, the status of its answer, and what came of it."""

    step: str
    sent_ns: int
    ended_ns: int
    status: int
    outcome: str


class IncidentRecorder:
    """Notes what came of each request of one person; a `Session` enters it as it would a tally.

    Args:
        timeout_s: A request that failed after this long has run out of time.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_ns = round(timeout_s * 1e9)
        self._seen: list[ObservedRequest] = []
        self._step, self._asked_ns = "", 0

    def step(self, method: str, name: str) -> Self:  # noqa: ARG002 - as a tally has it
        """The next request is for this step."""
        self._step, self._asked_ns = name, perf_counter_ns()
        return self

    def answered(self, answer: TimedAnswer, sent_bytes: int, due_ns: int | None) -> None:  # noqa: ARG002
        """It was answered: well, unless `failed` follows."""
        outcome = OK if self._step == _READ else self._step
        self._seen.append(ObservedRequest(self._step, answer.sent_ns, answer.read_ns, answer.status, outcome))

    def failed(self, reason: str) -> None:
        """It was not answered, or the answer was wrong."""
        if reason.startswith(WRONG):
            last = self._seen.pop()
            outcome = reason if last.status < 400 else str(last.status)
            self._seen.append(replace(last, outcome=self._named(outcome)))
            return
        now_ns = perf_counter_ns()
        if now_ns - self._asked_ns >= self._timeout_ns:
            outcome = TIMEOUT
        else:
            outcome = REFUSED_CONNECTION if reason.startswith("ConnectionRefused") else LOST_CONNECTION
        self._seen.append(ObservedRequest(self._step, self._asked_ns, now_ns, 0, self._named(outcome)))

    def take(self) -> list[ObservedRequest]:
        """What was seen since this was last asked for."""
        seen, self._seen = self._seen, []
        return seen

    def _named(self, outcome: str) -> str:
        return outcome if self._step == _READ else f"{self._step} {outcome}"


@dataclass
class _Content:
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_ns: int = 0


class UserPool:
    """The people of one arm: who of them is free, and what all of them saw."""

    def __init__(self, party: ArmUsers) -> None:
        self.party = party
        self.lag_ns: list[int] = []
        self._free: deque[AsyncResult] = deque()
        self._is_over = False
        self._bins: defaultdict[int, _Content] = defaultdict(_Content)
        self._watched: dict[str, list[ObservedRequest]] = {
            one.watched: [] for one in party.people if one.watched
        }
        self._start_ns = 0

    def begin(self, start_ns: int) -> None:
        """Time counts from here on."""
        self._start_ns = start_ns

    def next_arrival(self) -> int | None:
        """Wait, in the order of coming, for an arrival; when it was due, or None once there are no more."""
        if self._is_over:
            return None
        turn = AsyncResult()
        self._free.append(turn)
        due_ns: int | None = turn.get()
        return due_ns

    def arrive(self, due_ns: int) -> None:
        """Hand an arrival to whoever has been free longest."""
        if self._free:
            self._free.popleft().set(due_ns)
        else:
            self._bin(due_ns).outcomes[NOT_SENT] += 1

    def close(self) -> None:
        """There are no more arrivals."""
        self._is_over = True
        while self._free:
            self._free.popleft().set(None)

    def enter(self, person: VirtualUser, seen: list[ObservedRequest], due_ns: int) -> None:
        """Enter a visit of somebody's."""
        self.lag_ns.append(seen[0].sent_ns - due_ns)
        for one in seen:
            outcome = one.outcome
            if person.watched:
                outcome += f" {person.watched}" if outcome in REFUSALS else ""
                self._watched[person.watched].append(replace(one, outcome=outcome))
            content = self._bin(one.ended_ns)
            content.outcomes[outcome] += 1
            content.slowest_ns = max(content.slowest_ns, one.ended_ns - one.sent_ns)

    def bins(self) -> Iterator[Bin]:
        """What ended when, in the order of time."""
        for number, content in sorted(self._bins.items()):
            yield Bin(self.party.target.arm, number, dict(content.outcomes), content.slowest_ns)

    def watching(self) -> Iterator[ProbeRecord]:
        """The reads of those who are watched."""
        for watched, seen in self._watched.items():
            sent_ns = tuple(one.sent_ns - self._start_ns for one in seen)
            yield ProbeRecord(self.party.target.arm, watched, sent_ns, tuple(one.outcome for one in seen))

    def _bin(self, at_ns: int) -> _Content:
        return self._bins[(at_ns - self._start_ns) // BIN_NS]


class LiveThrough:
    """One incident under way, shared by the people of all arms; each calls `take_part` once.

    The last of them to finish writes the recording, and ends Locust.
    """

    def __init__(
        self, plan: IncidentPlan, recording: Path, scenario: ScenarioFile, environment: Environment
    ) -> None:
        self._plan = plan
        self._recording = recording
        self._scenario = scenario
        self._environment = environment
        self._line = LocalSlotEdges(plan.line, plan.process)
        self._watchdog = Deadlines(plan.timeout_s)
        self._everyone = Rendezvous(plan.users)
        self._crowds = [UserPool(party) for party in plan.parties]
        self._waiting = iter([(crowd, person) for crowd in self._crowds for person in crowd.party.people])
        self._errors: Counter[str] = Counter()
        self._switch_ns = 0
        gevent.setswitchinterval(SWITCH_INTERVAL_S)

    def take_part(self) -> None:
        """Be one person from login to the last visit; any exception ends the run without a report."""
        crowd, person = next(self._waiting)
        with self._no_survivors():
            self._live(crowd, person)

    @contextmanager
    def _no_survivors(self) -> Iterator[None]:
        """Whatever goes wrong for one, the others must not wait for ever."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - see above
            print(f"load generator failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            self._environment.process_exit_code = 1
            self._quit()

    def _live(self, crowd: UserPool, person: VirtualUser) -> None:
        account = contract.load_credentials(person.account)
        target = crowd.party.target
        credential = log_in((target.host, target.port), account)
        session = Session(self._connect(target), account, person.read_path, credential)
        session.may_log_in = not person.watched
        witness = IncidentRecorder(self._plan.timeout_s)
        session.enter(witness)
        for _ in range(self._plan.warmup_visits):
            self._visit(session, None)
        self._errors.update(one.outcome for one in witness.take() if one.outcome != OK)
        self._everyone.meet(self._begin)
        successor = crowd.party.successor
        while (due_ns := crowd.next_arrival()) is not None:
            if successor is not None and due_ns >= self._switch_ns:
                session.move(self._connect(successor))
                successor = None
            self._visit(session, due_ns)
            crowd.enter(person, witness.take(), due_ns)
        self._everyone.meet(self._finish)

    def _connect(self, target: Target) -> Connection:
        return self._watchdog.add(Connection(target.host, target.port))

    def _visit(self, session: Session, due_ns: int | None) -> None:
        session.arrive(due_ns)
        self._scenario.visit(session)

    def _begin(self) -> None:
        """Everybody is logged in: agree with the harness on a moment, and send arrivals from then on."""
        start_ns = self._line.agree()
        self._switch_ns = start_ns + self._plan.switch_ns
        for crowd in self._crowds:
            crowd.begin(start_ns)
        gevent.spawn(self._send, self._arrivals(start_ns))

    def _arrivals(self, start_ns: int) -> list[tuple[int, Callable[[], None]]]:
        """All arrivals in the order of time; arms take turns within a gap rather than meet at its ends."""
        plan, due = self._plan, []
        for number, crowd in enumerate(self._crowds):
            shift_ns = start_ns + round(number / len(self._crowds) / plan.rate * 1e9)
            offsets = arrival_offsets(plan.rate, plan.duration_ns, plan.arrivals, seed=plan.seed)
            due += [(shift_ns + offset, partial(crowd.arrive, shift_ns + offset)) for offset in offsets]
        return sorted(due, key=lambda arrival: arrival[0])

    def _send(self, arrivals: list[tuple[int, Callable[[], None]]]) -> None:
        with self._no_survivors():
            for due_ns, arrive in arrivals:
                wait_until(due_ns)
                arrive()
            for crowd in self._crowds:
                crowd.close()

    def _finish(self) -> None:
        lag_ns = sorted(ns for crowd in self._crowds for ns in crowd.lag_ns)
        timeline = Timeline(
            self._plan.scenario,
            tuple(one for crowd in self._crowds for one in crowd.bins()),
            tuple(one for crowd in self._crowds for one in crowd.watching()),
            lag_ns[len(lag_ns) * 99 // 100] if lag_ns else 0,
            self._errors,
        )
        with self._recording.open("w", encoding="utf-8") as file:
            file.writelines(timeline.lines())
        self._quit()

    def _quit(self) -> None:
        if self._environment.runner is not None:
            # Not from a user's own greenlet: the runner kills those first.
            gevent.spawn(self._environment.runner.quit)
