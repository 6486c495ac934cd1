"""Locust's worker: `python -m loadtests.distributed.worker HOST:PORT`.

`bench.py remote worker` runs it. It loads a server only on the orders of a holder of the secret. Locust's own
messages only start and stop its users; what these do is in an authenticated plan
(`loadtests/distributed/messages.py`). Options, a locustfile and changes of user classes from the master are
ignored.
"""

from __future__ import annotations

# Locust patches the standard library on import, so it comes before anything else.
from locust import __version__ as locust_version  # isort: skip

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any, Final, NoReturn

import gevent
from gevent import socket
from gevent.event import AsyncResult
from gevent.queue import Queue
from locust.env import Environment
from locust.rpc import Message as LocustMessage
from locust.runners import WorkerRunner
from locust.stats import RequestStats

from harness.protocol import seal
from harness.protocol.plan import Plan
from harness.protocol.seal import ForgedError, LostError
from loadtests import scenarios
from loadtests.distributed import messages
from loadtests.distributed.version import about
from loadtests.locustfile import class_name, follow, user_class
from loadtests.slots import PlanRun

#: Exit codes of a worker: the run is over, it was stopped, or it could not take part.
OVER: Final = 0
STOPPED: Final = 130
FAILED: Final = 3
#: A slot that begins more than this after its moment counts as late.
_LATE_NS: Final = 1_000_000
_TRY_AGAIN_S: Final = 1
#: Message with a type and data, from a client.
Message: Final[Callable[[str, object, str], LocustMessage]] = LocustMessage


class Worker(WorkerRunner):
    """Locust's worker, which obeys only a master that has proved to hold the secret.

    Args:
        environment: Locust's environment.
        address: Address of the master.
        secret: Secret of the run.
        patience_s: Seconds without a message from the master until the worker gives up.
        cpu: Model of this machine's CPU.

    Attributes:
        finished: Exit code and reason of the end.
        continue_at: Moments to continue from an edge at (`perf_counter_ns`; 0: at once).
    """

    def __init__(
        self, environment: Environment, address: tuple[str, int], secret: str, patience_s: float, cpu: str
    ) -> None:
        self._secret = secret
        self._patience_s = patience_s
        self._address = "{}:{}".format(*address)
        self._nonce = seal.nonce()
        self._challenge = ""
        self._about = json.dumps(about(cpu))
        self._seal: seal.Seal | None = None
        self._plan: Plan | None = None
        self._last_message_s = time.monotonic()
        self.finished: AsyncResult[tuple[int, str]] = AsyncResult()
        self.continue_at: Queue[int] = Queue()
        super().__init__(environment, *address)

    def connect_to_master(self) -> None:
        """Try to connect until the master accepts, or time is up."""
        while not self.finished.ready():
            self.client.send(Message("client_ready", locust_version, self.client_id))
            if self.connection_event.wait(timeout=_TRY_AGAIN_S):
                self.connected = True
                return
            self._check_patience()

    def heartbeat_timeout_checker(self) -> NoReturn:
        """Give up if the master is silent."""
        while True:
            gevent.sleep(_TRY_AGAIN_S)
            self._check_patience()

    def handle_message(self, msg: LocustMessage) -> None:
        """Handle a message of the master; until it has proved to hold the secret, accept only that."""
        match msg.type:
            case messages.CHALLENGE:
                self._prove_secret(msg.data)
            case messages.WELCOME:
                self._join(msg.data)
            case messages.REFUSED:
                self._end(FAILED, f"refused: {_printable(msg.data)}")
            case messages.SEALED if self._seal is not None:
                try:
                    self._execute(*self._seal.open(msg.data))
                except ForgedError:
                    pass
                except LostError as error:
                    self._end(FAILED, str(error))
            case "ack" | "heartbeat" | "stop" | "spawning_complete" if self._seal is not None:
                self._last_message_s = time.monotonic()
                super().handle_message(msg)
            case "spawn" if self._plan is not None:
                users = {class_name(self._plan.scenario): self._plan.users}
                if msg.data["user_classes_count"] == users:
                    msg.data["parsed_options"] = {}
                    super().handle_message(msg)

    def send(self, kind: str, content: Any) -> None:
        """Send an authenticated message to the master."""
        if self._seal is None:
            raise AssertionError("there is no session yet")
        self.client.send(Message(messages.SEALED, self._seal.close(kind, content), self.client_id))

    def _prove_secret(self, data: Any) -> None:
        """Prove to hold the secret; a challenge repeated after several attempts is ignored."""
        if self._challenge:
            return
        self._challenge = str(data["nonce"])
        proof = seal.proof(self._secret, "hello", self._challenge, self._nonce, self.client_id, self._about)
        hello = {"nonce": self._nonce, "about": self._about, "proof": proof}
        self.client.send(Message(messages.HELLO, hello, self.client_id))

    def _join(self, data: Any) -> None:
        if self._seal is None and seal.proves(
            data["proof"], self._secret, "welcome", self._nonce, self._challenge, self.client_id
        ):
            self._seal = seal.Seal(self._secret, "worker", "master", self._challenge, self._nonce)
            self._last_message_s = time.monotonic()
            print(f"joined the run at {self._address}", flush=True)

    def _execute(self, kind: str, content: Any) -> None:
        match kind:
            case "time":
                self.send("time", perf_counter_ns())
            case "plan":
                self._prepare(Plan.loads(content))
            case "go":
                self.continue_at.put(int(content))
            case "over":
                self._end(OVER, f"the run is over: {content}")

    def _prepare(self, plan: Plan) -> None:
        """Prepare to run a plan as soon as the users are started."""
        edges = RemoteSlotEdges(self)

        def ended(fault: str) -> None:
            if fault:
                self.send("failed", fault)
            else:
                self.send("ended", edges.late)

        self.environment.user_classes = [user_class(plan.scenario)]
        planned_run = PlanRun(
            plan,
            scenarios.load(plan.scenario),
            self.environment,
            recording=RemoteSink(self),
            edges=edges,
            ended=ended,
        )
        follow(self.environment, planned_run)
        self._plan = plan
        print(
            f"{plan.scenario}: {plan.users} users, {len(plan.order)} slots, part {plan.process + 1} of"
            f" {plan.processes}",
            flush=True,
        )

    def _check_patience(self) -> None:
        if time.monotonic() - self._last_message_s > self._patience_s:
            self._end(FAILED, f"no master answered at {self._address} for {self._patience_s:g} s")

    def _end(self, code: int, why: str) -> None:
        if not self.finished.ready():
            self.finished.set((code, why))


class RemoteSlotEdges:
    """Barrier that reports the edges of slots to the master, and waits for the moment to continue.

    Attributes:
        late: Number of slots that began late, since the message came late, and the longest delay.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.late = {"late": 0, "latest_ns": 0}

    def begin(self, slot: int, instance: int) -> int:
        """Report the begin of the recorded part of a slot, and return its `perf_counter_ns`."""
        moment_ns = self._report(f"begin {slot} {instance}")
        behind_ns = perf_counter_ns() - moment_ns
        self.late["late"] += behind_ns > _LATE_NS
        self.late["latest_ns"] = max(self.late["latest_ns"], behind_ns)
        return moment_ns

    def end(self, slot: int, instance: int, requests: int, elapsed_ns: int) -> None:
        """Report that the last answer of the slot was read."""
        self._report(f"end {slot} {instance} {requests} {elapsed_ns}")

    def _report(self, edge: str) -> int:
        self._worker.send("edge", edge)
        moment_ns: int = self._worker.continue_at.get()
        return moment_ns


class RemoteSink:
    """Recording that is sent to the master, slot by slot."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._text = ""

    def write(self, text: str, /) -> None:
        """Add text to the next message."""
        self._text += text

    def flush(self) -> None:
        """Send what was written."""
        if self._text:
            self._worker.send("lines", self._text)
            self._text = ""

    def close(self) -> None:
        """Send the rest."""
        self.flush()


def _printable(data: object) -> str:
    """Return the reason in a message that is not authenticated, with printable characters only."""
    why = data.get("why") if isinstance(data, dict) else None
    return "".join(character for character in str(why)[:300] if character.isprintable())


def main() -> None:
    """Take part in a run until it is over."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.distributed.worker", description=__doc__)
    parser.add_argument("master", metavar="HOST:PORT", help="address that the run listens on")
    parser.add_argument("--patience", type=float, required=True, help="seconds to wait for the master")
    parser.add_argument("--cpu", required=True, help="model of this machine's CPU, reported to the master")
    options = parser.parse_args()
    host, _, port = options.master.rpartition(":")
    try:
        socket.getaddrinfo(host, int(port))
    except OSError as error:
        sys.exit(f"{host}: {error}")
    environment = Environment(parsed_options=argparse.Namespace(web_base_path=""))
    environment.stats = RequestStats(use_response_times_cache=False)
    secret = os.environ.pop(messages.SECRET)
    worker = Worker(environment, (host, int(port)), secret, options.patience, options.cpu)
    environment.runner = worker
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, worker.finished.set, (STOPPED, "stopped"))
    code, why = worker.finished.get()
    print(why, flush=True)
    events: Any = environment.events
    events.quitting.fire(environment=environment)
    worker.client.socket.context.destroy(linger=1000)  # pending messages are sent first
    os._exit(code)


if __name__ == "__main__":
    main()
