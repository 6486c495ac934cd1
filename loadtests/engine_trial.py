"""Runs trials of one load engine against a server: `python -m loadtests.engine_trial FILE`.

`bench.py verify engine` compares this project's engine, as scenarios use it, with Locust's stock users, as
its documentation shows them. FILE has a JSON list of trials (`TrialSpec`), all of one engine. For each trial,
`begin` is printed a slot before its measured part starts and `end` when it is finished, so that reading
counters then does not disturb it; then follows one JSON line with the counts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns, process_time_ns
from typing import Any, Final

import gevent
from gevent.event import Event
from locust import FastHttpUser, HttpUser, User, task
from locust.env import Environment
from locust.exception import StopUser

from harness.protocol.plan import arrival_offsets
from harness.protocol.recording import SlotRecord, merged
from loadtests.client import Connection, Credential, Deadlines
from loadtests.pacing import SWITCH_INTERVAL_S, ClosedPhase, OpenPhase, Phase, Rendezvous
from loadtests.recorder import Tally
from loadtests.session import Session
from servers import contract

#: As in scenarios: the lead-in of a slot is counted, but not in its percentiles.
_LEAD_NS: Final = 5_000_000
_SLOT_NS: Final = 95_000_000
_TIMEOUT_S: Final = 10
#: Seconds that a trial may take beyond its length, for a server that is stuck.
_GRACE_S: Final = 30
_PERCENTILES: Final = {"p50": 50, "p90": 90, "p99": 99}


@dataclass(frozen=True)
class TrialSpec:
    """Parameters of one trial.

    Attributes:
        engine: `ours`, `ours-open`, or a name in `_STOCK_USERS`.
        host: Address of the server.
        port: Port of the server.
        path: Path to request.
        headers: Credential as whole header lines with CRLF; empty for none.
        account_id: Account that answers must name.
        connections: Number of users, each with its own connection.
        rate: Arrivals per second, all users together; 0 in closed loop.
        warmup_s: Seconds before the measured part.
        seconds: Length of the measured part.
    """

    engine: str
    host: str
    port: int
    path: str
    headers: str
    account_id: str
    connections: int
    rate: float
    warmup_s: float
    seconds: float

    @property
    def header_fields(self) -> dict[str, str]:
        """Return the header lines by name."""
        return dict(line.split(": ", 1) for line in self.headers.split("\r\n")[:-1])


class TrialCounter:
    """Counts of one trial between `begin` and `end`."""

    def __init__(self, environment: Environment) -> None:
        self._stats = environment.stats

    def announce(self) -> None:
        """Print that the measured part is about to start."""
        print("begin", flush=True)

    def begin(self) -> None:
        """Start the measured part."""
        self._stats.clear_all()
        self._cpu_ns = process_time_ns()
        self._start_ns = perf_counter_ns()

    def end(self) -> None:
        """End the measured part."""
        self.elapsed_ns = perf_counter_ns() - self._start_ns
        self.cpu_ns = process_time_ns() - self._cpu_ns
        self._total = self._stats.total
        self.requests, self.errors = self._total.num_requests, self._total.num_failures
        print("end", flush=True)

    def stock_percentiles(self) -> dict[str, float]:
        """Return service times in µs from Locust's statistics."""
        return {
            f"service_{name}": self._total.get_response_time_percentile(percent / 100) * 1e3
            for name, percent in _PERCENTILES.items()
        }


class SlotTrial:
    """Trial of this project's engine: slots as in a run, each encoded and reported to Locust when it ends."""

    def __init__(self, trial: TrialSpec, environment: Environment, count: TrialCounter) -> None:
        gevent.setswitchinterval(SWITCH_INTERVAL_S)
        self._trial = trial
        self._stats = environment.stats
        self._count = count
        self._deadlines = Deadlines(_TIMEOUT_S)
        self._rendezvous = Rendezvous(trial.connections)
        self._tally = Tally()
        self._records: list[SlotRecord] = []
        slot_and_lead_ns = _LEAD_NS + _SLOT_NS
        self._warmup = max(2, round(trial.warmup_s * 1e9 / slot_and_lead_ns))
        self._slots = self._warmup + max(1, round(trial.seconds * 1e9 / slot_and_lead_ns))
        self._done = 0
        self._in_lead = False
        self._phase: Phase
        self.finished = Event()

    def take_part(self) -> None:
        """Act as one user from the first slot to the last."""
        trial = self._trial
        connection = self._deadlines.add(Connection(trial.host, trial.port))
        credential = Credential(trial.headers.encode("ascii"), b"", trial.account_id)
        session = Session(connection, contract.load_credentials(0), trial.path, credential)
        session.enter(self._tally)

        def visit(due_ns: int | None) -> None:
            # In closed loop a request is due as soon as its user is free, so both clocks apply.
            session.arrive(perf_counter_ns() if due_ns is None else due_ns)
            session.read()

        self._rendezvous.meet(self._begin)
        while self._done < self._slots:
            self._phase.run(visit)
            self._rendezvous.meet(self._end)

    def _begin(self) -> None:
        self._in_lead = not self._in_lead
        duration_ns = _LEAD_NS if self._in_lead else _SLOT_NS
        if self._trial.rate:
            offsets = arrival_offsets(self._trial.rate, duration_ns, "constant", 0)
            self._phase = OpenPhase(offsets, duration_ns)
        else:
            self._phase = ClosedPhase(duration_ns)

    def _end(self) -> None:
        if self._in_lead:
            self._tally.flush_to_locust(self._stats)
            self._begin()
            return
        if isinstance(self._phase, OpenPhase):
            self._tally.scheduled, self._tally.dropped = self._phase.scheduled, self._phase.dropped
        records = list(self._tally.records(self._done, 0, 0, 0))
        self._tally.flush_to_locust(self._stats)
        if self._done >= self._warmup:
            self._records += records
        self._done += 1
        if self._done == self._warmup - 1:
            self._count.announce()
        elif self._done == self._warmup:
            self._count.begin()
        elif self._done == self._slots:
            self._count.end()
            self.finished.set()
        self._begin()

    def percentiles(self) -> dict[str, float]:
        """Return percentiles of both clocks and of the lag, in µs, over the measured slots."""
        percentiles = {}
        for clock in ("service", "response"):
            histogram = merged(getattr(record, clock) for record in self._records)
            for name, percent in _PERCENTILES.items():
                percentiles[f"{clock}_{name}"] = histogram.get_value_at_percentile(percent) / 1e3
        if self._trial.rate:
            lag = merged(record.lag for record in self._records)
            scheduled = sum(record.scheduled for record in self._records)
            percentiles["lag_p50"] = lag.get_value_at_percentile(50) / 1e3
            percentiles["lag_p99"] = lag.get_value_at_percentile(99) / 1e3
            percentiles["dropped_arrivals"] = sum(record.dropped for record in self._records) / scheduled
        return percentiles


#: Locust's own users, which read as its documentation shows it.
_STOCK_USERS: Final[dict[str, type[User]]] = {"fast-http-user": FastHttpUser, "http-user": HttpUser}


@task
def _read(user: Any) -> None:
    """Send one request; Locust checks the status."""
    user.client.get(user.trial.path, headers=user.trial.header_fields)


@task
def _take_part(user: Any) -> None:
    """Run the whole trial with this project's client, pacing, session and recorder; checks every answer."""
    user.slots.take_part()
    raise StopUser


def run_trial(trial: TrialSpec) -> dict[str, Any]:
    """Load the server and count the requests of the measured part.

    Returns:
        `requests`, `errors`, `elapsed_ns`, `cpu_ns` (of this process) and `percentiles` (µs).
    """
    is_stock, host = trial.engine in _STOCK_USERS, f"http://{contract.authority(trial.host, trial.port)}"
    user_class: Any = type(
        "Reader",
        (_STOCK_USERS.get(trial.engine, User),),
        {"trial": trial, "host": host, "visit": _read if is_stock else _take_part},
    )
    environment = Environment(user_classes=[user_class])
    runner = environment.create_local_runner()
    count = TrialCounter(environment)
    if not is_stock:
        user_class.slots = SlotTrial(trial, environment, count)
        runner.start(trial.connections, spawn_rate=trial.connections)
        if not user_class.slots.finished.wait(trial.warmup_s + trial.seconds + _GRACE_S):
            raise SystemExit(f"{trial.engine} did not finish with {user_class.host}{trial.path} in time")
        percentiles = user_class.slots.percentiles()
    else:
        runner.start(trial.connections, spawn_rate=trial.connections)
        gevent.sleep(trial.warmup_s)
        count.announce()
        gevent.sleep((_LEAD_NS + _SLOT_NS) / 1e9)
        count.begin()
        gevent.sleep(trial.seconds)
        count.end()
        percentiles = count.stock_percentiles()
    runner.quit()
    return {
        "requests": count.requests,
        "errors": count.errors,
        "elapsed_ns": count.elapsed_ns,
        "cpu_ns": count.cpu_ns,
        "percentiles": percentiles,
    }


def main(trials: Sequence[TrialSpec]) -> None:
    """Run trials one after the other."""
    for trial in trials:
        print(json.dumps(run_trial(trial)), flush=True)


if __name__ == "__main__":
    main([TrialSpec(**fields) for fields in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))])
