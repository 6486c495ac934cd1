"""Locust's master for the harness: `python -m loadtests.distributed.master`.

Its workers have the run's secret. The harness sends commands on a Unix socket, one JSON object per line, and
receives messages the same way:

    {"load": PLAN, "folder": PATH}   have all workers run their shares of a plan
    {"over": WHY}                    dismiss the workers, and end

    listening, worker, refused, left, ready, ended, lost: see `Master` and `WorkersAtWork`

The edges of slots are reported on the plan's socket, one connection per worker, as local load processes do.
"""

from __future__ import annotations

# Locust patches the standard library on import, so it comes before anything else.
from locust import __version__ as locust_version  # isort: skip

import argparse
import contextlib
import json
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter_ns
from typing import Any, Final, NoReturn

import gevent
from gevent import socket
from gevent.event import Event
from locust.env import Environment
from locust.rpc import Message as LocustMessage
from locust.runners import MasterRunner

from harness.protocol import seal
from harness.protocol.plan import Plan
from harness.protocol.seal import ForgedError, LostError
from loadtests.distributed import messages
from loadtests.distributed.version import differences, version
from loadtests.distributed.worker_proxy import SilentError, WorkerNode
from loadtests.locustfile import user_class

#: Maximum error (ns) of the offset between the clocks of worker and master; otherwise the worker is refused.
CLOCK_LIMIT_NS: Final = 1_000_000
#: Workers begin a slot this long (ns) after its announcement, which must have reached each of them by then.
LEAD_NS: Final = 5_000_000
#: Seconds without a message after which a worker is lost; a worker of Locust sends one each second.
SILENCE_S: Final = 5
#: Message with a type and data, to or from a client.
Message: Final[Callable[[str, object, str], LocustMessage]] = LocustMessage
#: Types of Locust's messages that are accepted from an admitted worker.
_LOCUST_TYPES: Final = frozenset(
    {"client_ready", "client_stopped", "heartbeat", "stats", "spawning", "spawning_complete", "exception"}
)
#: Seconds that dismissed workers may take to report their end.
GOODBYE_S: Final = 2
#: Maximum number of clients with a pending challenge, and of refusals that are reported.
_MAX_PENDING: Final = 1000
_MAX_REPORTED: Final = 20


class Control:
    """Connection to the harness."""

    def __init__(self, path: str) -> None:
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._connection.connect(path)

    def send(self, what: str, **fields: Any) -> None:
        """Send an event; does nothing if the harness is gone, which ends `orders`."""
        with contextlib.suppress(OSError):
            self._connection.sendall(json.dumps({"what": what, **fields}).encode() + b"\n")

    def orders(self) -> Iterator[dict[str, Any]]:
        """Yield the commands of the harness, until it closes the connection."""
        with self._connection.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)


class Master(MasterRunner):
    """Locust's master, which accepts messages only from workers that have proved to hold the secret.

    Args:
        environment: Locust's environment.
        address: Address to listen on.
        secret: Secret of the run.
        expected: Number of workers to wait for.
        notify: Sends events to the harness: `refused` (host, why), `worker` (number, about, error_ns), `left`
            (number, host, why), `ready`.

    Attributes:
        admitted: Admitted workers by Locust's client id.
        is_complete: Whether all workers have joined; from then on the loss of one ends the run.
        on_lost: Called when a worker is lost.
    """

    def __init__(
        self,
        environment: Environment,
        address: tuple[str, int],
        secret: str,
        expected: int,
        notify: Callable[..., None],
    ) -> None:
        self._secret = secret
        self._expected = expected
        self._notify = notify
        self._challenges: dict[str, str] = {}
        self._refusals = 0
        self._version = version()
        self.admitted: dict[str, WorkerNode] = {}
        self.is_complete = False
        self.on_lost: Callable[[WorkerNode, str], None] = self.report_left
        super().__init__(environment, *address)
        self.greenlet.spawn(self._check_silence)

    def client_listener(self) -> NoReturn:
        """Listen on, even after a message that Locust cannot read."""
        while True:
            try:
                super().client_listener()
            except Exception:  # noqa: BLE001 - it is logged; the port is open to anyone
                traceback.print_exc()

    def handle_message(self, client_id: str, msg: LocustMessage) -> None:
        """Handle a message of an admitted worker; from other clients accept only a proof of the secret."""
        worker = self.admitted.get(client_id)
        if worker is None:
            self._authenticate(client_id, msg)
            return
        worker.missed = 0
        if msg.type == messages.SEALED:
            try:
                worker.receive(msg.data)
            except ForgedError:
                pass
            except LostError as error:
                self.on_lost(worker, str(error))
        elif msg.type == "quit":
            self.on_lost(worker, "its process ended")
        elif msg.type in _LOCUST_TYPES and msg.node_id == client_id:
            super().handle_message(client_id, msg)

    @property
    def workers(self) -> list[WorkerNode]:
        """Return the admitted workers, by number."""
        return sorted(self.admitted.values(), key=lambda worker: worker.number)

    def await_ready(self) -> None:
        """Wait until Locust counts all workers as ready again."""
        while len(self.clients.ready) < len(self.admitted):
            gevent.sleep(0.01)

    def _authenticate(self, client_id: str, msg: LocustMessage) -> None:
        if msg.type == "client_ready":
            if client_id not in self._challenges and len(self._challenges) < _MAX_PENDING:
                self._challenges[client_id] = seal.nonce()
            if challenge := self._challenges.get(client_id):
                self._send(client_id, messages.CHALLENGE, {"nonce": challenge})
        elif msg.type == messages.HELLO and client_id in self._challenges:
            self._admit(client_id, msg.data)

    def _admit(self, client_id: str, data: object) -> None:
        match data:
            case {"nonce": str(nonce), "about": str(text), "proof": given_proof}:
                pass
            case _:
                return
        challenge = self._challenges.pop(client_id)
        if not seal.proves(given_proof, self._secret, "hello", challenge, nonce, client_id, text):
            self._refuse(client_id, "wrong secret", "an unknown host")
            return
        about: dict[str, Any] = json.loads(text)
        host = str(about["host"])
        if changed := differences(self._version, about["version"]):
            self._refuse(client_id, f"different version: {changed}", host)
            return
        if len(self.admitted) == self._expected:
            self._refuse(client_id, f"the run already has its {self._expected} workers", host)
            return
        free_numbers = set(range(self._expected)) - {worker.number for worker in self.admitted.values()}
        worker = WorkerNode(
            min(free_numbers),
            about,
            seal.Seal(self._secret, "master", "worker", challenge, nonce),
            lambda message: self._send(client_id, messages.SEALED, message),
        )
        self.admitted[client_id] = worker
        proof = seal.proof(self._secret, "welcome", nonce, challenge, client_id)
        self._send(client_id, messages.WELCOME, {"proof": proof})
        # From here on Locust counts it as a worker.
        super().handle_message(client_id, Message("client_ready", locust_version, client_id))
        self.greenlet.spawn(self._compare_clocks, client_id, worker)

    def _compare_clocks(self, client_id: str, worker: WorkerNode) -> None:
        try:
            error_ns = worker.read_clock().error_ns
        except SilentError as error:
            self.on_lost(worker, str(error))
            return
        if error_ns > CLOCK_LIMIT_NS:
            self.remove(worker)
            why = (
                f"its clock offset is known to {error_ns / 1e6:.2f} ms only, and the limit is"
                f" {CLOCK_LIMIT_NS / 1e6:g} ms: the network is too slow"
            )
            self._refuse(client_id, why, str(worker.about["host"]))
            return
        worker.has_clock = True
        self._notify("worker", number=worker.number, about=worker.about, error_ns=error_ns)
        if len(self.admitted) == self._expected and all(other.has_clock for other in self.admitted.values()):
            self.is_complete = True
            self._notify("ready")

    def _refuse(self, client_id: str, why: str, host: str) -> None:
        self._send(client_id, messages.REFUSED, {"why": why})
        self._refusals += 1
        if self._refusals <= _MAX_REPORTED:
            self._notify("refused", host=host, why=why)

    def report_left(self, worker: WorkerNode, why: str) -> None:
        """Report that a worker left before the run began, which may happen."""
        self.remove(worker)
        self._notify("left", number=worker.number, host=worker.about["host"], why=why)

    def remove(self, worker: WorkerNode) -> None:
        """Remove a worker."""
        for client_id in [key for key, other in self.admitted.items() if other is worker]:
            del self.admitted[client_id]
            self.clients.pop(client_id, None)

    def _check_silence(self) -> None:
        """Detect silent workers; a pause of this process counts as one second only."""
        while True:
            gevent.sleep(1)
            for worker in self.workers:
                worker.missed += 1
                if worker.missed == SILENCE_S:
                    self.on_lost(worker, f"no message for {SILENCE_S} s")

    def _send(self, client_id: str, kind: str, data: dict[str, Any]) -> None:
        self.server.send_to_client(Message(kind, data, client_id))


class WorkersAtWork:
    """The workers under load.

    Args:
        master: Locust's master.
        notify: Sends events to the harness: `ended` (workers: the clock of each), or `lost` (number, host,
            why), after which all workers are dismissed.
    """

    def __init__(self, master: Master, notify: Callable[..., None]) -> None:
        self._master = master
        self._master.on_lost = self._report_loss
        self._notify = notify
        self._moments: dict[str, int] = {}
        self._lost = Event()

    def load(self, plan: Plan, folder: Path) -> None:
        """Have all workers run their shares of a plan; does nothing if a worker is lost already."""
        if self._lost.is_set():
            return
        self._moments.clear()
        workers = self._master.workers
        for worker, share in zip(workers, plan.shared(len(workers)), strict=True):
            try:
                worker.begin(share, folder)
            except SilentError as error:
                self._report_loss(worker, str(error))
                return
        self._master.environment.user_classes = [user_class(plan.scenario)]
        self._master.await_ready()
        followers = [gevent.spawn(self._follow, worker) for worker in workers]
        self._master.start(plan.users, plan.users)
        gevent.joinall(followers, raise_error=True)
        if self._lost.is_set():
            return
        self._master.stop()
        self._master.await_ready()
        try:
            clocks = [worker.finish() for worker in workers]
        except SilentError as error:
            self._report_loss(workers[0], str(error))
            return
        self._notify("ended", workers=clocks)

    def dismiss(self, why: str) -> None:
        """Dismiss all workers, and wait a short time for their end."""
        self._master.on_lost = lambda worker, _: self._master.remove(worker)
        for worker in self._master.workers:
            worker.send("over", why)
        deadline = time.monotonic() + GOODBYE_S
        while self._master.admitted and time.monotonic() < deadline:
            gevent.sleep(0.01)

    def _follow(self, worker: WorkerNode) -> None:
        try:
            fault = worker.follow(self._agreed_moment)
        except SilentError as error:
            fault = str(error)
        if fault:
            self._report_loss(worker, fault)
        worker.disconnect()

    def _agreed_moment(self, edge: str) -> int:
        """Return the same moment for all workers: the first caller sets it."""
        return self._moments.setdefault(edge, perf_counter_ns() + LEAD_NS)

    def _report_loss(self, worker: WorkerNode, why: str) -> None:
        """Report the loss of a worker, which ends the run, and dismiss the others."""
        if self._lost.is_set():
            return
        if not self._master.is_complete:
            self._master.report_left(worker, why)
            return
        self._lost.set()
        self._notify("lost", number=worker.number, host=worker.about["host"], why=why)
        for other in self._master.workers:
            other.disconnect()
            if other is not worker:
                other.send("over", f"{worker.name} was lost: {why}")


def main() -> None:
    """Gather the workers, then execute the commands of the harness."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.distributed.master", description=__doc__)
    parser.add_argument("--host", required=True, help="address to listen on")
    parser.add_argument("--port", type=int, required=True, help="port; 0 takes any free one")
    parser.add_argument("--workers", type=int, required=True, help="number of workers to wait for")
    parser.add_argument("--control", required=True, help="Unix socket of the harness")
    options = parser.parse_args()
    gevent.signal_handler(signal.SIGTERM, os._exit, 0)
    control = Control(options.control)
    environment = Environment()
    master = Master(
        environment,
        (options.host, options.port),
        os.environ.pop(messages.SECRET),
        options.workers,
        control.send,
    )
    environment.runner = master
    workers = WorkersAtWork(master, control.send)
    control.send("listening", port=master.server.port)
    why = "interrupted"
    for order in control.orders():
        if "over" in order:
            why = order["over"]
            break
        work = gevent.spawn(workers.load, Plan.loads(order["load"]), Path(order["folder"]))
        work.link_exception(lambda _: os._exit(1))  # gevent has printed the error, which the harness reads
    workers.dismiss(why)
    os._exit(0)


if __name__ == "__main__":
    main()
