"""Executes a plan: warms up every server instance, then runs and records slot after slot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter_ns, process_time_ns
from typing import Final, Protocol

import gevent
from locust.env import Environment

from harness.protocol.plan import Plan, arrival_offsets, by_arm, lead_offsets
from harness.protocol.recording import footer, header, line
from harness.protocol.staircase import Staircase, meets_limit
from loadtests import kernel_time
from loadtests.barrier import SlotEdges
from loadtests.client import NO_CREDENTIAL, Connection, Deadlines, load_account, log_in
from loadtests.pacing import (
    SWITCH_INTERVAL_S,
    ClosedPhase,
    CountedPhase,
    OpenPhase,
    Phase,
    Rendezvous,
    wait_until,
)
from loadtests.recorder import Tally
from loadtests.scenarios import ScenarioFile
from loadtests.session import Session
from servers import contract

#: If several load machines start a slot at a common moment, each reads its own CPU time this long before it.
_CLOCKS_BEFORE_NS: Final = 200_000


class RecordSink(Protocol):
    """Destination of a recording: a file, or a worker's connection to Locust's master."""

    def write(self, text: str, /) -> object:
        """Append text."""

    def flush(self) -> None:
        """Pass on what was written so far, so that it is kept even if the load fails later."""

    def close(self) -> None:
        """End the recording."""


class PlanRun:
    """Run of one plan, shared by all virtual users.

    Each user calls `take_part` once. The recording is written slot by slot, so that a long run does not fill
    the memory, and finished slots are kept if the load ends early.

    Args:
        plan: Slots, targets and load.
        scenario: Scenario, which defines a visit: the requests of one arrival, or of one iteration of a user.
        environment: Locust's environment.
        recording: Destination of the recording.
        edges: Barrier at both ends of the recorded part of each slot; returns when the load may continue.
        ended: Called at the end with an error message; empty on success.
    """

    def __init__(
        self,
        plan: Plan,
        scenario: ScenarioFile,
        environment: Environment,
        *,
        recording: RecordSink,
        edges: SlotEdges,
        ended: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._recording = recording
        self._recording.write(header(plan.scenario, kernel_time.answers_end()))
        self._lines = 0
        self._scenario = scenario
        self._environment = environment
        self._edges = edges
        self._ended = ended
        self._deadlines = Deadlines(plan.timeout_s)
        self._rendezvous = Rendezvous(plan.users)
        self._errors: Counter[str] = Counter()
        self._tally = Tally()
        self._phase: Phase = CountedPhase(0)
        self._users = 0
        self._searches = {target.instance: Staircase(plan.rate) for target in plan.targets if plan.limit_ns}
        gevent.setswitchinterval(SWITCH_INTERVAL_S)

    def take_part(self) -> None:
        """Act as one user, from login to the last slot; after an exception the recording has no footer."""
        index, self._users = self._users, self._users + 1
        try:
            self._run_user(index)
        except Exception as error:  # noqa: BLE001 - otherwise the other users would wait forever
            self._ended(f"{type(error).__name__}: {error}")

    def _run_user(self, index: int) -> None:
        sessions = self._log_in(index)
        for target in self._plan.targets:
            self._rendezvous.meet(self._warm_up)
            self._run_phase(sessions[target.instance])
        for slot, instance in enumerate(self._plan.order):
            self._rendezvous.meet(partial(self._lead_in, slot))
            self._run_phase(sessions[instance])
            self._rendezvous.meet(partial(self._begin, slot, instance))
            self._run_phase(sessions[instance])
            self._rendezvous.meet(partial(self._end, slot, instance))
        self._rendezvous.meet(self._finish)

    def _log_in(self, index: int) -> list[Session]:
        """Log in once per arm (per instance if a credential works only once); connect to each instance."""
        sessions: dict[int, Session] = {}
        for instances in by_arm(self._plan.targets).values():
            first = self._plan.targets[instances[0]]
            dialect = first.dialect
            account = load_account(self._plan.first_user + index, dialect)
            credential = (
                log_in((first.host, first.port), account, dialect)
                if dialect.has(contract.AUTHENTICATE)
                else NO_CREDENTIAL
            )
            for instance in instances:
                target = self._plan.targets[instance]
                if self._scenario.own_logins and instance != first.instance:
                    credential = log_in((target.host, target.port), account, dialect)
                connection = self._deadlines.add(Connection(target.host, target.port))
                sessions[instance] = Session(connection, account, target.read_path, credential, dialect)
        return [sessions[target.instance] for target in self._plan.targets]

    def _run_phase(self, session: Session) -> None:
        """Make one user's share of the visits of the current phase."""
        session.enter(self._tally)
        visit = self._scenario.visit

        def arrive(due_ns: int | None) -> None:
            session.arrive(due_ns)
            visit(session)

        self._phase.run(arrive)

    def _new_phase(self, slot: int, duration_ns: int, start_ns: int | None = None) -> Phase:
        """Return a phase of load for a slot, which starts at `start_ns`, or immediately if None."""
        if self._plan.model == "closed":
            return ClosedPhase(duration_ns, start_ns)
        plan = self._plan
        offsets = arrival_offsets(self._rate(slot), duration_ns, plan.arrivals, self._seed(slot))
        return OpenPhase(offsets[plan.process :: plan.processes], duration_ns, start_ns)

    def _new_lead_in(self, slot: int) -> Phase:
        """Return the phase of a slot's lead-in, which is as long as its requests take."""
        plan = self._plan
        if plan.model == "closed":
            return ClosedPhase(plan.lead_ns, visits=plan.lead_requests)
        offsets, duration_ns = lead_offsets(
            plan.lead_ns,
            plan.lead_requests * plan.processes,
            self._rate(slot),
            plan.arrivals,
            self._seed(slot),
        )
        return OpenPhase(offsets[plan.process :: plan.processes], duration_ns)

    def _rate(self, slot: int) -> float:
        """Return the arrivals per second in a slot, of all load processes."""
        search = self._searches.get(self._plan.order[slot])
        return self._plan.rate if search is None else search.rate

    def _seed(self, slot: int) -> int:
        """Return the seed of a slot's arrivals, the same in a block: all instances get the same bursts."""
        return self._plan.seed + slot // len(self._plan.targets)

    def _warm_up(self) -> None:
        """Start the warm-up of an instance."""
        self._report_tally()
        self._phase = CountedPhase(-(-self._plan.warmup_requests // self._plan.users))

    def _lead_in(self, slot: int) -> None:
        """Start the lead-in of a slot, which is not recorded."""
        self._report_tally()
        self._phase = self._new_lead_in(slot)

    def _begin(self, slot: int, instance: int) -> None:
        """Start the recorded part of a slot, once the harness has read its meters."""
        self._report_tally()
        begin_ns = self._edges.begin(slot, instance)
        if begin_ns is None:
            self._read_clocks()
            self._start_ns = perf_counter_ns()
            self._phase = self._new_phase(slot, self._plan.slot_ns)
        else:
            self._start_ns = begin_ns
            self._phase = self._new_phase(slot, self._plan.slot_ns, begin_ns)
            wait_until(begin_ns - _CLOCKS_BEFORE_NS)
            self._read_clocks()

    def _read_clocks(self) -> None:
        """Read this process's CPU time, and the time that it has waited for a CPU."""
        self._cpu_ns = process_time_ns()
        self._wait_ns = _cpu_wait_ns()

    def _end(self, slot: int, instance: int) -> None:
        """Record a slot, and set the instance's next rate if this is a search for its capacity."""
        elapsed_ns = perf_counter_ns() - self._start_ns
        cpu_ns = process_time_ns() - self._cpu_ns
        wait_ns = _cpu_wait_ns() - self._wait_ns
        self._edges.end(slot, instance, self._tally.requests, elapsed_ns)
        if isinstance(self._phase, OpenPhase):
            self._tally.scheduled, self._tally.dropped = self._phase.scheduled, self._phase.dropped
        search = self._searches.get(instance)
        for record in self._tally.records(slot, instance, elapsed_ns, cpu_ns, wait_ns):
            if search is not None:
                record = replace(record, rate=search.rate, settled=search.converged)  # noqa: PLW2901
            self._recording.write(line(record))
            self._lines += 1
        self._recording.flush()
        if search is not None:
            response_ns = [ns for step in self._tally.steps.values() for ns in step.response_ns]
            search.record(meets_limit(response_ns, self._tally.dropped, self._plan.limit_ns))

    def _report_tally(self) -> None:
        """Report the tally of the last phase to Locust, and begin a new one."""
        for step in self._tally.steps.values():
            self._errors += step.errors
        self._tally.flush_to_locust(self._environment.stats)
        self._tally = Tally()

    def _finish(self) -> None:
        self._report_tally()
        self._recording.write(footer(self._lines, self._errors))
        self._recording.close()
        self._deadlines.close()
        self._ended("")


def _cpu_wait_ns() -> int:
    """Return for how long (ns) this thread was runnable but had no CPU; 0 if the kernel does not count it."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_bytes().split()[1])
    except OSError:
        return 0
