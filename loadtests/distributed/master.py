"""Locust's master for the harness: `python -m loadtests.distributed.master`.

Its workers hold the run's secret. The harness says on a Unix socket what to do, one JSON object a line, and
is told the same way how it goes:

    {"load": PLAN, "folder": PATH}   have all workers follow their shares of a plan
    {"over": WHY}                    dismiss them, and end

    listening, worker, refused, left, ready, ended, lost: see `Master` and `Crew`

The edges of slots go over the plan's own socket, a connection a worker, as those of local load processes do.
"""

from __future__ import annotations

# Locust patches the standard library as it is imported: before anything else.
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
from loadtests.distributed.messages import WorkerSeal
from loadtests.distributed.version import differences, version
from loadtests.distributed.worker_proxy import SilentError, WorkerNode
from loadtests.locustfile import user_class

#: Worker and master look at one clock with no more error than this, or the worker is refused.
CLOCK_LIMIT_NS: Final = 1_000_000
#: So far ahead lies the moment at which all begin a slot: each must have been told by then.
LEAD_NS: Final = 5_000_000
#: A worker from which nothing came for so many seconds has fallen silent; Locust's say something each second.
SILENCE_S: Final = 5
#: Of a type, with data, for or from a client.
Message: Final[Callable[[str, object, str], LocustMessage]] = LocustMessage
#: Messages of Locust's own that an admitted worker may send.
_OF_LOCUST: Final = frozenset(
    {"client_ready", "client_stopped", "heartbeat", "stats", "spawning", "spawning_complete", "exception"}
)
#: Workers that are dismissed may take so long to say that they end.
GOODBYE_S: Final = 2
#: More strangers than this are not remembered, nor more of them told of.
_STRANGERS: Final = 1000
_TOLD: Final = 20


class Control:
    """The line to the harness."""

    def __init__(self, path: str) -> None:
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._line.connect(path)

    def send(self, what: str, **more: Any) -> None:
        """Say what happened; nothing where the harness is gone, which `orders` will tell."""
        with contextlib.suppress(OSError):
            self._line.sendall(json.dumps({"what": what, **more}).encode() + b"\n")

    def orders(self) -> Iterator[dict[str, Any]]:
        """What the harness says, until it hangs up."""
        with self._line.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)


class Master(MasterRunner):
    """Locust's master, which listens only to workers that have proved to hold the secret.

    Args:
        environment: Locust's.
        address: Where to listen.
        secret: Of the run.
        expected: How many workers there are to be.
        tell: Tells the harness: `refused` (host, why), `worker` (number, about, error_ns), `left` (number,
            host, why), `ready`.

    Attributes:
        members: The workers there are, by Locust's name for them.
        is_complete: Whether all have come, once; then none may leave again.
        on_lost: Called when one is lost.
    """

    def __init__(
        self,
        environment: Environment,
        address: tuple[str, int],
        secret: str,
        expected: int,
        tell: Callable[..., None],
    ) -> None:
        self._secret = secret
        self._expected = expected
        self._tell_harness = tell
        self._asked: dict[str, str] = {}
        self._refusals = 0
        self._version = version()
        self.members: dict[str, WorkerNode] = {}
        self.is_complete = False
        self.on_lost: Callable[[WorkerNode, str], None] = self.leave
        super().__init__(environment, *address)
        self.greenlet.spawn(self._watch)

    def client_listener(self) -> NoReturn:
        """Listen on, whatever a stranger may have sent that Locust cannot read."""
        while True:
            try:
                super().client_listener()
            except Exception:  # noqa: BLE001 - it is told, and nothing else follows from it
                traceback.print_exc()

    def handle_message(self, client_id: str, msg: LocustMessage) -> None:
        """Hear what a worker says, and no stranger but for the proof that it is none."""
        member = self.members.get(client_id)
        if member is None:
            self._hear_stranger(client_id, msg)
            return
        member.missed = 0
        if msg.type == messages.SEALED:
            try:
                member.hear(msg.data)
            except ForgedError:
                pass
            except LostError as error:
                self.on_lost(member, str(error))
        elif msg.type == "quit":
            self.on_lost(member, "it ended")
        elif msg.type in _OF_LOCUST and msg.node_id == client_id:
            super().handle_message(client_id, msg)

    @property
    def crew(self) -> list[WorkerNode]:
        """The workers, by number."""
        return sorted(self.members.values(), key=lambda member: member.number)

    def await_ready(self) -> None:
        """Wait until Locust counts on all of them again."""
        while len(self.clients.ready) < len(self.members):
            gevent.sleep(0.01)

    def _hear_stranger(self, client_id: str, msg: LocustMessage) -> None:
        if msg.type == "client_ready":
            if client_id not in self._asked and len(self._asked) < _STRANGERS:
                self._asked[client_id] = seal.nonce()
            if asked := self._asked.get(client_id):
                self._send(client_id, messages.CHALLENGE, {"nonce": asked})
        elif msg.type == messages.HELLO and client_id in self._asked:
            self._admit(client_id, msg.data)

    def _admit(self, client_id: str, data: object) -> None:
        match data:
            case {"nonce": str(nonce), "about": str(text), "proof": given}:
                pass
            case _:
                return
        asked = self._asked.pop(client_id)
        if not seal.proves(given, self._secret, "hello", asked, nonce, client_id, text):
            self._refuse(client_id, "its secret is not that of the run", "somebody")
            return
        about: dict[str, Any] = json.loads(text)
        host = str(about["host"])
        if other := differences(self._version, about["version"]):
            self._refuse(client_id, f"it is of another version: {other}", host)
            return
        if len(self.members) == self._expected:
            self._refuse(client_id, f"the run has its {self._expected} workers", host)
            return
        end = WorkerSeal(self._secret, "master", asked, nonce)
        free = set(range(self._expected)) - {member.number for member in self.members.values()}
        member = WorkerNode(
            min(free), about, end, lambda message: self._send(client_id, messages.SEALED, message)
        )
        self.members[client_id] = member
        said = seal.proof(self._secret, "welcome", nonce, asked, client_id)
        self._send(client_id, messages.WELCOME, {"proof": said})
        # To Locust it is a worker from here on.
        super().handle_message(client_id, Message("client_ready", locust_version, client_id))
        self.greenlet.spawn(self._compare_clocks, client_id, member)

    def _compare_clocks(self, client_id: str, member: WorkerNode) -> None:
        try:
            error_ns = member.look_at_clock().error_ns
        except SilentError as error:
            self.on_lost(member, str(error))
            return
        if error_ns > CLOCK_LIMIT_NS:
            self.forget(member)
            why = (
                f"its clock can be told to {error_ns / 1e6:.2f} ms only, and the limit is"
                f" {CLOCK_LIMIT_NS / 1e6:g} ms: the way to it is too slow"
            )
            self._refuse(client_id, why, str(member.about["host"]))
            return
        member.is_known = True
        self._tell_harness("worker", number=member.number, about=member.about, error_ns=error_ns)
        if len(self.members) == self._expected and all(one.is_known for one in self.members.values()):
            self.is_complete = True
            self._tell_harness("ready")

    def _refuse(self, client_id: str, why: str, host: str) -> None:
        self._send(client_id, messages.REFUSED, {"why": why})
        self._refusals += 1
        if self._refusals <= _TOLD:
            self._tell_harness("refused", host=host, why=why)

    def leave(self, member: WorkerNode, why: str) -> None:
        """While they gather, one may leave again."""
        self.forget(member)
        self._tell_harness("left", number=member.number, host=member.about["host"], why=why)

    def forget(self, member: WorkerNode) -> None:
        """It is no worker any more."""
        for client_id in [one for one, other in self.members.items() if other is member]:
            del self.members[client_id]
            self.clients.pop(client_id, None)

    def _watch(self) -> None:
        """Notice who falls silent; a pause of this process itself counts as one second."""
        while True:
            gevent.sleep(1)
            for member in self.crew:
                member.missed += 1
                if member.missed == SILENCE_S:
                    self.on_lost(member, f"nothing came from it for {SILENCE_S} s")

    def _send(self, client_id: str, kind: str, data: dict[str, Any]) -> None:
        self.server.send_to_client(Message(kind, data, client_id))


class WorkersAtWork:
    """The workers at work.

    Args:
        master: What holds them together.
        tell: Tells the harness: `ended` (workers: what is known of each one's clock), or `lost` (number,
            host, why), after which nobody works any more.
    """

    def __init__(self, master: Master, tell: Callable[..., None]) -> None:
        self._master = master
        self._master.on_lost = self._lose
        self._tell = tell
        self._moments: dict[str, int] = {}
        self._lost = Event()

    def load(self, plan: Plan, folder: Path) -> None:
        """Have all follow their shares of a plan; nothing where one is lost already."""
        if self._lost.is_set():
            return
        self._moments.clear()
        crew = self._master.crew
        for member, share in zip(crew, plan.shared(len(crew)), strict=True):
            try:
                member.begin(share, folder)
            except SilentError as error:
                self._lose(member, str(error))
                return
        self._master.environment.user_classes = [user_class(plan.scenario)]
        self._master.await_ready()
        followers = [gevent.spawn(self._follow, member) for member in crew]
        self._master.start(plan.users, plan.users)
        gevent.joinall(followers, raise_error=True)
        if self._lost.is_set():
            return
        self._master.stop()
        self._master.await_ready()
        try:
            clocks = [member.finish() for member in crew]
        except SilentError as error:
            self._lose(crew[0], str(error))
            return
        self._tell("ended", workers=clocks)

    def dismiss(self, why: str) -> None:
        """Tell all that there is nothing more to do, and wait until they are gone, but not for long."""
        self._master.on_lost = lambda member, _: self._master.forget(member)
        for member in self._master.crew:
            member.send("over", why)
        deadline = time.monotonic() + GOODBYE_S
        while self._master.members and time.monotonic() < deadline:
            gevent.sleep(0.01)

    def _follow(self, member: WorkerNode) -> None:
        try:
            fault = member.follow(self._moment)
        except SilentError as error:
            fault = str(error)
        if fault:
            self._lose(member, fault)
        member.hang_up()

    def _moment(self, edge: str) -> int:
        """The same for all: whoever asks first says it."""
        return self._moments.setdefault(edge, perf_counter_ns() + LEAD_NS)

    def _lose(self, member: WorkerNode, why: str) -> None:
        """One is lost, and with it the run: the harness is told, and the others are dismissed."""
        if self._lost.is_set():
            return
        if not self._master.is_complete:
            self._master.leave(member, why)
            return
        self._lost.set()
        self._tell("lost", number=member.number, host=member.about["host"], why=why)
        for other in self._master.crew:
            other.hang_up()
            if other is not member:
                other.send("over", f"{member.name} was lost: {why}")


def main() -> None:
    """Gather the workers, then do as the harness says."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.distributed.master", description=__doc__)
    parser.add_argument("--host", required=True, help="address to listen on")
    parser.add_argument("--port", type=int, required=True, help="port; 0 takes any free one")
    parser.add_argument("--workers", type=int, required=True, help="how many there are to be")
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
    crew = WorkersAtWork(master, control.send)
    control.send("listening", port=master.server.port)
    why = "the run was cut short"
    for order in control.orders():
        if "over" in order:
            why = order["over"]
            break
        work = gevent.spawn(crew.load, Plan.loads(order["load"]), Path(order["folder"]))
        work.link_exception(lambda _: os._exit(1))  # gevent has said why, and the harness reads it
    crew.dismiss(why)
    os._exit(0)


if __name__ == "__main__":
    main()
