"""One worker as the master handles it: relays its messages to the harness, and the replies back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any, Final, TextIO

from gevent import socket
from gevent.queue import Empty, Queue

from harness.protocol.plan import Plan
from harness.protocol.seal import Seal
from loadtests.distributed.clock import Clock, Reading, best

#: Readings of a worker's clock before and after a load, and those taken every few seconds during it.
READINGS: Final = 50
_READINGS_BETWEEN: Final = 10
_INTERVAL_NS: Final = 5_000_000_000
#: Seconds to wait for a reading of the clock, after which the worker counts as gone.
_TIMEOUT_S: Final = 5

#: Sends an authenticated message to a worker.
Send = Callable[[dict[str, Any]], None]
#: Returns the moment, by the local `perf_counter_ns`, at which all workers continue from an edge.
Moment = Callable[[str], int]


class SilentError(Exception):
    """A worker that did not answer."""


class WorkerNode:
    """An admitted worker.

    Args:
        number: Number of the worker, from 0.
        about: Description that it sent of itself.
        seal: The master's side of the session.
        send: Sends it a message.

    Attributes:
        inbox: Its messages about the load, in order.
        missed: Seconds since its last message.
        has_clock: Whether its clock has been read.
        late: Number of slots that it began late in its last load, and the longest delay.
    """

    def __init__(self, number: int, about: dict[str, Any], seal: Seal, send: Send) -> None:
        self.number = number
        self.about = about
        self.seal = seal
        self.inbox: Queue[tuple[str, Any]] = Queue()
        self.missed = 0
        self.has_clock = False
        self.late: dict[str, int] = {}
        self._send = send
        self._clock_times: Queue[int] = Queue()
        self._relay: Any = None
        self._recording: TextIO
        self._clock: Clock
        self._last_reading_ns = 0

    @property
    def name(self) -> str:
        """Return the name of the worker for messages."""
        return f"worker {self.number + 1} on {self.about['host']}"

    def send(self, kind: str, content: Any = None) -> None:
        """Send it a message."""
        self._send(self.seal.close(kind, content))

    def receive(self, message: object) -> None:
        """Verify and store an authenticated message.

        Raises:
            ForgedError: The message is not from this worker.
            LostError: An earlier message was lost.
        """
        kind, content = self.seal.open(message)
        if kind == "time":
            self._clock_times.put(int(content))
        else:
            self.inbox.put((kind, content))

    def read_clock(self, count: int = READINGS) -> Reading:
        """Request its time `count` times, and return the best reading.

        Raises:
            SilentError: It did not answer.
        """
        readings = []
        for _ in range(count):
            sent_ns = perf_counter_ns()
            self.send("time")
            try:
                remote_ns = self._clock_times.get(timeout=_TIMEOUT_S)
            except Empty:
                raise SilentError(f"it did not report its time within {_TIMEOUT_S} s") from None
            readings.append(Reading.of(sent_ns, remote_ns, perf_counter_ns()))
        self._last_reading_ns = perf_counter_ns()
        return best(readings)

    def begin(self, share: Plan, folder: Path) -> None:
        """Have it run its share of a plan; its recording goes to a file in this folder."""
        self._clock = Clock([self.read_clock()])
        self._recording = (folder / f"load-{self.number}.recording.jsonl").open("w", encoding="utf-8")
        self._relay = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._relay.connect(share.edges)
        self._relay.sendall(b"%d\n" % self.number)
        self.send("plan", share.dumps())

    def follow(self, moment: Moment) -> str:
        """Relay its messages about the load, to the end.

        Args:
            moment: Returns when all workers continue from an edge.

        Returns:
            The error; empty if there was none.
        """
        for kind, content in self.inbox:
            match kind:
                case "edge":
                    if not self._relay_edge(str(content), moment):
                        return "the harness closed the connection"
                case "lines":
                    self._recording.write(str(content))
                    self._recording.flush()
                case "ended":
                    self.late = dict(content)
                    self._recording.close()
                    return ""
                case _:
                    return str(content)
        raise AssertionError("unreachable")

    def disconnect(self) -> None:
        """Close its connection to the harness, which notices at once; what it still sends is kept."""
        if self._relay is not None:
            self._relay.close()

    def finish(self) -> dict[str, Any]:
        """Read its clock again after a load, and return the data of the clock."""
        self._clock.readings.append(self.read_clock())
        return {
            "ahead_ns": self._clock.readings[0].ahead_ns,
            "error_ns": self._clock.error_ns,
            "drift_ns": self._clock.drift_ns,
            **self.late,
        }

    def _relay_edge(self, edge: str, moment: Moment) -> bool:
        """Report an edge to the harness, wait until it has read its meters, and let the worker continue."""
        try:
            self._relay.sendall(edge.encode() + b"\n")
            if not self._relay.recv(1):
                return False
        except OSError:
            return False
        if edge.startswith("begin"):
            self.send("go", moment(edge) + self._clock.ahead_ns)
            return True
        if perf_counter_ns() - self._last_reading_ns > _INTERVAL_NS:
            self._clock.readings.append(self.read_clock(_READINGS_BETWEEN))
        self.send("go", 0)
        return True
