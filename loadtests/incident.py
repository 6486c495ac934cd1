"""Runs all arms through an incident at once, each at its own arrival rate, and records outcomes over time.

Every arm has its own users, and an arrival goes to the user that has been idle longest. If all users of an
arm still wait for an answer, the arrival is not sent, but counted: a stuck server delays neither the schedule
of the others nor its own, and no backlog follows once it recovers.
"""

from __future__ import annotations

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
    """One request: its step, when it was sent and ended, the status of its answer, and its outcome."""

    step: str
    sent_ns: int
    ended_ns: int
    status: int
    outcome: str


class IncidentRecorder:
    """Recorder of the outcome of each request of one user; a `Session` uses it in place of a tally.

    Args:
        timeout_s: Seconds after which a failed request counts as timed out.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_ns = round(timeout_s * 1e9)
        self._requests: list[ObservedRequest] = []
        self._step, self._begun_ns = "", 0

    def step(self, method: str, name: str) -> Self:  # noqa: ARG002 - the signature of Tally.step
        """Begin the next request, which belongs to this step."""
        self._step, self._begun_ns = name, perf_counter_ns()
        return self

    def answered(self, answer: TimedAnswer, sent_bytes: int, due_ns: int | None) -> None:  # noqa: ARG002
        """Record an answer; it counts as good unless `failed` follows."""
        outcome = OK if self._step == _READ else self._step
        self._requests.append(
            ObservedRequest(self._step, answer.sent_ns, answer.read_ns, answer.status, outcome)
        )

    def failed(self, reason: str) -> None:
        """Record that the request was not answered, or answered wrongly."""
        if reason.startswith(WRONG):
            last = self._requests.pop()
            outcome = reason if last.status < 400 else str(last.status)
            self._requests.append(replace(last, outcome=self._label(outcome)))
            return
        now_ns = perf_counter_ns()
        if now_ns - self._begun_ns >= self._timeout_ns:
            outcome = TIMEOUT
        else:
            outcome = REFUSED_CONNECTION if reason.startswith("ConnectionRefused") else LOST_CONNECTION
        self._requests.append(ObservedRequest(self._step, self._begun_ns, now_ns, 0, self._label(outcome)))

    def take(self) -> list[ObservedRequest]:
        """Return the requests recorded since the last call."""
        requests, self._requests = self._requests, []
        return requests

    def _label(self, outcome: str) -> str:
        return outcome if self._step == _READ else f"{self._step} {outcome}"


@dataclass
class _BinTally:
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_ns: int = 0


class UserPool:
    """Users of one arm: which of them are free, and the outcomes of their requests.

    Attributes:
        arm_users: The users.
        lag_ns: How long after their arrivals visits began.
        start_ns: Moment from which time counts.
    """

    def __init__(self, arm_users: ArmUsers) -> None:
        self.arm_users = arm_users
        self.lag_ns: list[int] = []
        self.start_ns = 0
        self._free: deque[AsyncResult] = deque()
        self._is_closed = False
        self._bins: defaultdict[int, _BinTally] = defaultdict(_BinTally)
        self._watched: dict[str, list[ObservedRequest]] = {
            user.watched: [] for user in arm_users.people if user.watched
        }

    def next_arrival(self) -> int | None:
        """Wait in line for an arrival; return when it was due, or None if there are no more."""
        if self._is_closed:
            return None
        arrival = AsyncResult()
        self._free.append(arrival)
        due_ns: int | None = arrival.get()
        return due_ns

    def arrive(self, due_ns: int) -> None:
        """Hand an arrival to the user that has been free longest."""
        if self._free:
            self._free.popleft().set(due_ns)
        else:
            self._bin(due_ns).outcomes[NOT_SENT] += 1

    def close(self) -> None:
        """End the arrivals."""
        self._is_closed = True
        while self._free:
            self._free.popleft().set(None)

    def enter(self, user: VirtualUser, requests: list[ObservedRequest], due_ns: int) -> None:
        """Record the requests of one visit of a user."""
        self.lag_ns.append(requests[0].sent_ns - due_ns)
        for request in requests:
            outcome = request.outcome
            if user.watched:
                outcome += f" {user.watched}" if outcome in REFUSALS else ""
                self._watched[user.watched].append(replace(request, outcome=outcome))
            tally = self._bin(request.ended_ns)
            tally.outcomes[outcome] += 1
            tally.slowest_ns = max(tally.slowest_ns, request.ended_ns - request.sent_ns)

    def bins(self) -> Iterator[Bin]:
        """Yield the counts of requests by the time at which they ended, in the order of time."""
        for number, tally in sorted(self._bins.items()):
            yield Bin(self.arm_users.target.arm, number, dict(tally.outcomes), tally.slowest_ns)

    def watching(self) -> Iterator[ProbeRecord]:
        """Yield the reads of the watched users."""
        for watched, requests in self._watched.items():
            sent_ns = tuple(request.sent_ns - self.start_ns for request in requests)
            yield ProbeRecord(
                self.arm_users.target.arm, watched, sent_ns, tuple(request.outcome for request in requests)
            )

    def _bin(self, at_ns: int) -> _BinTally:
        return self._bins[(at_ns - self.start_ns) // BIN_NS]


class IncidentRun:
    """One incident in progress, shared by the users of all arms; each calls `take_part` once.

    The last user to finish writes the recording.

    Args:
        plan: Arms, users and load.
        scenario: Scenario that defines a visit.
        recording: File to write the recording to.
        ended: Called at the end with an error message; empty on success.
    """

    def __init__(
        self, plan: IncidentPlan, scenario: ScenarioFile, recording: Path, ended: Callable[[str], None]
    ) -> None:
        self._plan = plan
        self._recording = recording
        self._scenario = scenario
        self._ended = ended
        self._barrier = LocalSlotEdges(plan.line, plan.process)
        self._deadlines = Deadlines(plan.timeout_s)
        self._rendezvous = Rendezvous(plan.users)
        self._pools = [UserPool(arm_users) for arm_users in plan.parties]
        self._unassigned = iter([(pool, user) for pool in self._pools for user in pool.arm_users.people])
        self._errors: Counter[str] = Counter()
        self._switch_ns = 0
        gevent.setswitchinterval(SWITCH_INTERVAL_S)

    def take_part(self) -> None:
        """Act as one user from login to the last visit; any exception ends the run without a report."""
        pool, user = next(self._unassigned)
        with self._end_run_on_error():
            self._run_user(pool, user)

    @contextmanager
    def _end_run_on_error(self) -> Iterator[None]:
        """End the whole run on an error of one user, so that the others do not wait for ever."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - see above
            self._ended(f"{type(error).__name__}: {error}")

    def _run_user(self, pool: UserPool, user: VirtualUser) -> None:
        account = contract.load_credentials(user.account)
        target = pool.arm_users.target
        credential = log_in((target.host, target.port), account)
        session = Session(self._connect(target), account, user.read_path, credential)
        session.may_log_in = not user.watched
        recorder = IncidentRecorder(self._plan.timeout_s)
        session.enter(recorder)
        for _ in range(self._plan.warmup_visits):
            self._visit(session, None)
        self._errors.update(request.outcome for request in recorder.take() if request.outcome != OK)
        self._rendezvous.meet(self._begin)
        successor = pool.arm_users.successor
        while (due_ns := pool.next_arrival()) is not None:
            if successor is not None and due_ns >= self._switch_ns:
                session.move(self._connect(successor))
                successor = None
            self._visit(session, due_ns)
            pool.enter(user, recorder.take(), due_ns)
        self._rendezvous.meet(self._finish)

    def _connect(self, target: Target) -> Connection:
        return self._deadlines.add(Connection(target.host, target.port))

    def _visit(self, session: Session, due_ns: int | None) -> None:
        session.arrive(due_ns)
        self._scenario.visit(session)

    def _begin(self) -> None:
        """Agree with the harness on a start, once all users are logged in, and send arrivals from then on."""
        start_ns = self._barrier.agree()
        self._switch_ns = start_ns + self._plan.switch_ns
        for pool in self._pools:
            pool.start_ns = start_ns
        gevent.spawn(self._send, self._arrivals(start_ns))

    def _arrivals(self, start_ns: int) -> list[tuple[int, Callable[[], None]]]:
        """Return all arrivals in the order of time; those of the arms are spread evenly within a gap."""
        plan, arrivals = self._plan, []
        for number, pool in enumerate(self._pools):
            shift_ns = start_ns + round(number / len(self._pools) / plan.rate * 1e9)
            offsets = arrival_offsets(plan.rate, plan.duration_ns, plan.arrivals, seed=plan.seed)
            arrivals += [(shift_ns + offset, partial(pool.arrive, shift_ns + offset)) for offset in offsets]
        return sorted(arrivals, key=lambda arrival: arrival[0])

    def _send(self, arrivals: list[tuple[int, Callable[[], None]]]) -> None:
        with self._end_run_on_error():
            for due_ns, arrive in arrivals:
                wait_until(due_ns)
                arrive()
            for pool in self._pools:
                pool.close()

    def _finish(self) -> None:
        lag_ns = sorted(ns for pool in self._pools for ns in pool.lag_ns)
        timeline = Timeline(
            self._plan.scenario,
            tuple(time_bin for pool in self._pools for time_bin in pool.bins()),
            tuple(record for pool in self._pools for record in pool.watching()),
            lag_ns[len(lag_ns) * 99 // 100] if lag_ns else 0,
            self._errors,
        )
        with self._recording.open("w", encoding="utf-8") as file:
            file.writelines(timeline.lines())
        self._ended("")
