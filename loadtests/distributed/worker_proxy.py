"""One worker as the master knows it: what it says goes on to the harness, and the harness's answer back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any, Final, TextIO

from gevent import socket
from gevent.queue import Empty, Queue

from harness.protocol.plan import Plan
from loadtests.distributed.clock import Clock, Reading, best
from loadtests.distributed.messages import WorkerSeal

#: So many looks at a worker's clock before and after a load, and during it every few seconds.
LOOKS: Final = 50
_LOOKS_BETWEEN: Final = 10
_EVERY_NS: Final = 5_000_000_000
#: Who does not tell the time for so long is not there.
_PATIENCE_S: Final = 5

#: Sends a sealed message to a worker.
Send = Callable[[dict[str, Any]], None]
#: Gives the moment, by our own `perf_counter_ns`, at which all are to go on from an edge.
Moment = Callable[[str], int]


class SilentError(Exception):
    """A worker did not answer."""


class WorkerNode:
    """An admitted worker.

    Args:
        number: Which of the workers it is, from 0.
        about: What it told of itself.
        seal: The master's end of the session.
        send: Sends it a message.

    Attributes:
        inbox: What it said of the load, in order.
        missed: Seconds without a word from it.
        is_known: Whether its clock has been looked at.
        late: Of its last load, how many slots it began late, and how late at worst.
    """

    def __init__(self, number: int, about: dict[str, Any], seal: WorkerSeal, send: Send) -> None:
        self.number = number
        self.about = about
        self.seal = seal
        self.inbox: Queue[tuple[str, Any]] = Queue()
        self.missed = 0
        self.is_known = False
        self.late: dict[str, int] = {}
        self._send = send
        self._told: Queue[int] = Queue()
        self._relay: Any = None
        self._recording: TextIO | None = None
        self._clock = Clock(Reading(0, 0))
        self._looked_ns = 0

    @property
    def name(self) -> str:
        """The worker for people."""
        return f"worker {self.number + 1} on {self.about['host']}"

    def send(self, kind: str, content: Any = None) -> None:
        """Send it something."""
        self._send(self.seal.close(kind, content))

    def hear(self, message: object) -> None:
        """Take in a sealed message.

        Raises:
            ForgedError: It is a stranger's.
            LostError: One before it was lost.
        """
        kind, content = self.seal.open(message)
        if kind == "time":
            self._told.put(int(content))
        else:
            self.inbox.put((kind, content))

    def look_at_clock(self, looks: int = LOOKS) -> Reading:
        """Ask for its time so often, and return the best reading.

        Raises:
            SilentError: It did not answer.
        """
        readings = []
        for _ in range(looks):
            asked_ns = perf_counter_ns()
            self.send("time")
            try:
                told_ns = self._told.get(timeout=_PATIENCE_S)
            except Empty:
                raise SilentError(f"it did not tell its time for {_PATIENCE_S} s") from None
            readings.append(Reading.of(asked_ns, told_ns, perf_counter_ns()))
        self._looked_ns = perf_counter_ns()
        return best(readings)

    def begin(self, share: Plan, folder: Path) -> None:
        """Have it follow its share of a plan; what it records goes to a file in this folder."""
        self._clock = Clock(self.look_at_clock())
        self._recording = (folder / f"load-{self.number}.recording.jsonl").open("w", encoding="utf-8")
        self._relay = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._relay.connect(share.edges)
        self._relay.sendall(b"%d\n" % self.number)
        self.send("plan", share.dumps())

    def follow(self, moment: Moment) -> str:
        """Pass on what it says of its load, to the end.

        Args:
            moment: When all are to go on from an edge.

        Returns:
            What went wrong; empty where nothing did.
        """
        for kind, content in self.inbox:
            match kind:
                case "edge":
                    if not self._pass_on(str(content), moment):
                        return "the harness hung up"
                case "lines":
                    self._keep(str(content))
                case "ended":
                    self.late = dict(content)
                    self._close()
                    return ""
                case _:
                    return str(content)
        raise AssertionError("unreachable")

    def hang_up(self) -> None:
        """It takes no part any more: the harness notices at once; what still comes in is kept."""
        if self._relay is not None:
            self._relay.close()

    def finish(self) -> dict[str, Any]:
        """Look at its clock once more after a load, and tell what is known of it."""
        self._clock.later.append(self.look_at_clock())
        return {
            "ahead_ns": self._clock.first.ahead_ns,
            "error_ns": self._clock.error_ns,
            "drift_ns": self._clock.drift_ns,
            **self.late,
        }

    def _pass_on(self, edge: str, moment: Moment) -> bool:
        """Tell the harness of an edge, wait until it has read its meters, and let the worker go on."""
        try:
            self._relay.sendall(edge.encode() + b"\n")
            if not self._relay.recv(1):
                return False
        except OSError:
            return False
        if edge.startswith("begin"):
            self.send("go", moment(edge) + self._clock.ahead_ns)
            return True
        if perf_counter_ns() - self._looked_ns > _EVERY_NS:
            self._clock.later.append(self.look_at_clock(_LOOKS_BETWEEN))
        self.send("go", 0)
        return True

    def _close(self) -> None:
        """Its recording is whole."""
        if self._recording is not None:
            self._recording.close()
            self._recording = None

    def _keep(self, lines: str) -> None:
        if self._recording is not None:
            self._recording.write(lines)
            self._recording.flush()
