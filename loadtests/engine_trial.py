"""One load engine against one server after the other: `python -m loadtests.engine_trial FILE`.

What `bench.py verify engine` compares: ours as scenarios use it, and Locust's own users as its documentation
shows them. FILE has a JSON list of bouts (`Bout`), all of one engine. Of each, `begin` is printed a slot
before its measured part begins and `end` when it is over, so that whoever reads meters then disturbs nothing;
then comes one JSON line with what was counted in it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns, process_time_ns
from typing import Any, ClassVar, Final

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

#: As scenarios have them: what a slot begins with is counted, but not in its percentiles.
_LEAD_NS: Final = 5_000_000
_SLOT_NS: Final = 95_000_000
_TIMEOUT_S: Final = 10
#: Beyond its length a bout may take so long, for a server that is stuck.
_PATIENCE_S: Final = 30
_PERCENTILES: Final = {"p50": 50, "p90": 90, "p99": 99}


@dataclass(frozen=True)
class Bout:
    """What is to be done.

    Attributes:
        engine: A name in `ENGINES`.
        host: Of the server.
        port: Of the server.
        path: What is asked for.
        headers: The credential, whole header lines with CRLF; empty for none.
        account_id: Whom the answer must name.
        connections: Users, each with a connection of its own.
        rate: Arrivals a second, all users together; 0 in closed loop.
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
        """The header lines by name."""
        return dict(line.split(": ", 1) for line in self.headers.split("\r\n")[:-1])


class Count:
    """What one bout did, from `begin` to `end`."""

    def __init__(self, environment: Environment) -> None:
        self._stats = environment.stats

    def announce(self) -> None:
        """The measured part is about to begin."""
        print("begin", flush=True)

    def begin(self) -> None:
        """It begins."""
        self._stats.clear_all()
        self._cpu_ns = process_time_ns()
        self._start_ns = perf_counter_ns()

    def end(self) -> None:
        """It is over."""
        self.elapsed_ns = perf_counter_ns() - self._start_ns
        self.cpu_ns = process_time_ns() - self._cpu_ns
        self._total = self._stats.total
        self.requests, self.errors = self._total.num_requests, self._total.num_failures
        print("end", flush=True)

    def locusts_percentiles(self) -> dict[str, float]:
        """Service times in us as Locust's own statistics have them."""
        return {
            f"service_{name}": self._total.get_response_time_percentile(percent / 100) * 1e3
            for name, percent in _PERCENTILES.items()
        }


class SlotTrial:
    """Our engine's bout: slot after slot as a run has them, each encoded and handed to Locust as it ends."""

    def __init__(self, bout: Bout, environment: Environment, count: Count) -> None:
        gevent.setswitchinterval(SWITCH_INTERVAL_S)
        self._bout = bout
        self._stats = environment.stats
        self._count = count
        self._watchdog = Deadlines(_TIMEOUT_S)
        self._everyone = Rendezvous(bout.connections)
        self._tally = Tally()
        self._kept: list[SlotRecord] = []
        whole_ns = _LEAD_NS + _SLOT_NS
        self._warmup = max(2, round(bout.warmup_s * 1e9 / whole_ns))
        self._slots = self._warmup + max(1, round(bout.seconds * 1e9 / whole_ns))
        self._done = 0
        self._leading_in = False
        self._phase: Phase
        self.over = Event()

    def take_part(self) -> None:
        """Be one user from the first slot to the last."""
        bout = self._bout
        connection = self._watchdog.add(Connection(bout.host, bout.port))
        credential = Credential(bout.headers.encode("ascii"), b"", bout.account_id)
        session = Session(connection, contract.load_credentials(0), bout.path, credential)
        session.enter(self._tally)

        def visit(due_ns: int | None) -> None:
            # In closed loop a request is due as soon as its user is free: both clocks run here too.
            session.arrive(perf_counter_ns() if due_ns is None else due_ns)
            session.read()

        self._everyone.meet(self._begin)
        while self._done < self._slots:
            self._phase.run(visit)
            self._everyone.meet(self._end)

    def _begin(self) -> None:
        self._leading_in = not self._leading_in
        duration_ns = _LEAD_NS if self._leading_in else _SLOT_NS
        if self._bout.rate:
            offsets = arrival_offsets(self._bout.rate, duration_ns, "constant", 0)
            self._phase = OpenPhase(offsets, duration_ns)
        else:
            self._phase = ClosedPhase(duration_ns)

    def _end(self) -> None:
        if self._leading_in:
            self._tally.report_to_locust(self._stats)
            self._tally.clear()
            self._begin()
            return
        if isinstance(self._phase, OpenPhase):
            self._tally.scheduled, self._tally.dropped = self._phase.scheduled, self._phase.dropped
        records = list(self._tally.records(self._done, 0, 0, 0))
        self._tally.report_to_locust(self._stats)
        self._tally.clear()
        if self._done >= self._warmup:
            self._kept += records
        self._done += 1
        if self._done == self._warmup - 1:
            self._count.announce()
        elif self._done == self._warmup:
            self._count.begin()
        elif self._done == self._slots:
            self._count.end()
            self.over.set()
        self._begin()

    def percentiles(self) -> dict[str, float]:
        """Both clocks and the lag, in us, of what was measured."""
        found = {}
        for clock in ("service", "response"):
            histogram = merged(getattr(record, clock) for record in self._kept)
            for name, percent in _PERCENTILES.items():
                found[f"{clock}_{name}"] = histogram.get_value_at_percentile(percent) / 1e3
        if self._bout.rate:
            lag = merged(record.lag for record in self._kept)
            scheduled = sum(record.scheduled for record in self._kept)
            found["lag_p50"] = lag.get_value_at_percentile(50) / 1e3
            found["lag_p99"] = lag.get_value_at_percentile(99) / 1e3
            found["dropped_arrivals"] = sum(record.dropped for record in self._kept) / scheduled
        return found


class Ours(User):
    """This project's client, pacing, session and recorder: every answer is checked."""

    abstract = True
    slots: ClassVar[SlotTrial]

    @task
    def take_part(self) -> None:
        """The whole bout."""
        self.slots.take_part()
        raise StopUser


class Fast(FastHttpUser):
    """Locust's FastHttpUser, as its documentation shows it."""

    abstract = True
    bout: ClassVar[Bout]

    @task
    def read(self) -> None:
        """Ask once; Locust checks the status."""
        self.client.get(self.bout.path, headers=self.bout.header_fields)


class Plain(HttpUser):
    """Locust's HttpUser, as its documentation shows it."""

    abstract = True
    bout: ClassVar[Bout]

    @task
    def read(self) -> None:
        """Ask once; Locust checks the status."""
        self.client.get(self.bout.path, headers=self.bout.header_fields)


_LOCUSTS: Final[dict[str, type[User]]] = {"fast-http-user": Fast, "http-user": Plain}
ENGINES: Final = ("ours", "ours-open", *_LOCUSTS)


def fight(bout: Bout) -> dict[str, Any]:
    """Load the server and count what was done in the measured part.

    Returns:
        `requests`, `errors`, `elapsed_ns`, `cpu_ns` (of this process) and `percentiles` (us).
    """
    base: Any = _LOCUSTS.get(bout.engine, Ours)
    user: Any = type("Reader", (base,), {"bout": bout, "host": f"http://{bout.host}:{bout.port}"})
    environment = Environment(user_classes=[user])
    runner = environment.create_local_runner()
    count = Count(environment)
    if base is Ours:
        user.slots = SlotTrial(bout, environment, count)
        runner.start(bout.connections, spawn_rate=bout.connections)
        if not user.slots.over.wait(bout.warmup_s + bout.seconds + _PATIENCE_S):
            raise SystemExit(f"{bout.engine} was not done with {user.host}{bout.path} in time")
        percentiles = user.slots.percentiles()
    else:
        runner.start(bout.connections, spawn_rate=bout.connections)
        gevent.sleep(bout.warmup_s)
        count.announce()
        gevent.sleep((_LEAD_NS + _SLOT_NS) / 1e9)
        count.begin()
        gevent.sleep(bout.seconds)
        count.end()
        percentiles = count.locusts_percentiles()
    runner.quit()
    return {
        "requests": count.requests,
        "errors": count.errors,
        "elapsed_ns": count.elapsed_ns,
        "cpu_ns": count.cpu_ns,
        "percentiles": percentiles,
    }


def main(bouts: Sequence[Bout]) -> None:
    """Fight one after the other."""
    for bout in bouts:
        print(json.dumps(fight(bout)), flush=True)


if __name__ == "__main__":
    main([Bout(**fields) for fields in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))])
