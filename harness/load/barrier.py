"""The edges of slots, synchronised with the load processes: the other end of `loadtests/barrier.py`."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from harness.errors import EnvironmentFailedError
from harness.load.local import LoadProcess
from harness.load.remote import RemoteMember
from harness.load.usage import UsageRecorder
from harness.testbed.rig import Rig
from harness.testbed.sampler import ProcessSampler

#: Interval of the check that all processes are alive, while none sends a message.
_POLL_S: Final = 0.5
#: After this long without a message: check that servers on other machines can be reached.
_REACHABLE_AFTER_S: Final = 5
#: After this long without a message the load generator counts as hanging.
_SILENCE_S: Final = 120

#: Called after every slot with (slots done, instance, requests, elapsed ns).
OnSlot = Callable[[int, int, int, int], None]
#: One of the processes that share a load.
LoadMember = LoadProcess | RemoteMember


def listen(listener: socket.socket, path: str, count: int) -> None:
    """Listen at a socket's path for `count` load processes."""
    Path(path).unlink(missing_ok=True)
    listener.bind(path)
    listener.listen(count)


class SlotBarrier(ExitStack):
    """Barrier of the load processes: none continues from an edge before all have reached it."""

    def __init__(self, listener: socket.socket, load: Sequence[LoadMember], rig: Rig) -> None:
        super().__init__()
        self._listener = listener
        self._load = load
        self._rig = rig
        self._connections: list[socket.socket] = []

    def attend(self, usage: UsageRecorder, sampler: ProcessSampler, on_slot: OnSlot) -> None:
        """Handle every edge, until the load processes close their connections.

        Raises:
            InvalidMeasurementError: One closed its connection before the others.
        """
        self._register()
        while reports := self._next_edge():
            self._rig.check_alive()
            match reports[0]:
                case ["begin", _, instance]:
                    usage.begin(int(instance))
                case ["end", slot, instance, _, _]:
                    usage.end(int(slot), int(instance))
                    sampler.look()
                    requests = sum(int(report[3]) for report in reports)
                    on_slot(int(slot) + 1, int(instance), requests, max(int(report[4]) for report in reports))
                case _:
                    raise AssertionError(f"unknown edge: {reports}")
            for connection in self._connections:
                with suppress(BrokenPipeError, ConnectionResetError):  # detected at the next edge
                    connection.sendall(b".")

    def agree(self, lead_ns: int) -> int:
        """Wait until the load of an incident is ready, and send it the moment to begin.

        Args:
            lead_ns: Time from now until that moment.

        Returns:
            The moment, by `perf_counter_ns`, which is one clock for all processes.

        Raises:
            InvalidMeasurementError: The load closed its connection.
        """
        self._register()
        for member, connection in zip(self._load, self._connections, strict=True):
            if not self._read_line(connection):
                raise member.failure()
        start_ns = time.perf_counter_ns() + lead_ns
        for connection in self._connections:
            with suppress(BrokenPipeError, ConnectionResetError):  # detected soon
                connection.sendall(b"%d\n" % start_ns)
        return start_ns

    def _register(self) -> None:
        """Wait until all load processes have connected."""
        connected: dict[int, socket.socket] = {}
        self._listener.settimeout(_POLL_S)
        since = time.monotonic()
        while len(connected) < len(self._load):
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                for member in self._load:
                    if member.has_ended():
                        raise member.failure() from None
                self._check_silence(since)
                continue
            connection.settimeout(_POLL_S)
            self.enter_context(connection)
            if number := self._read_line(connection):
                connected[int(number)] = connection
        self._connections = [connected[number] for number in range(len(self._load))]

    def _next_edge(self) -> list[list[str]]:
        """Return the words of each report at the next edge; nothing once all connections are closed."""
        lines = [self._read_line(connection) for connection in self._connections]
        if not any(lines):
            return []
        for member, line in zip(self._load, lines, strict=True):
            if not line:
                raise member.failure()
        reports = [line.decode().split() for line in lines]
        if len({tuple(report[:3]) for report in reports}) != 1:
            raise AssertionError(f"load processes at different edges: {reports}")
        return reports

    def _read_line(self, connection: socket.socket) -> bytes:
        """Return one line, after which the sender waits; empty if the other end is gone."""
        since = time.monotonic()
        line = b""
        while not line.endswith(b"\n"):
            try:
                data = connection.recv(4096)
            except TimeoutError:
                self._check_silence(since)
                continue
            except ConnectionResetError:
                return b""
            if not data:
                return b""
            line += data
        return line

    def _check_silence(self, since: float) -> None:
        self._rig.check_alive()
        silent_s = time.monotonic() - since
        if silent_s > _REACHABLE_AFTER_S:
            self._rig.check_reachable()
        if silent_s > _SILENCE_S:
            raise EnvironmentFailedError(f"no message from the load generator for {_SILENCE_S} s.")
