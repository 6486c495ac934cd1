"""The edges of slots, agreed with those who make the load: the other end of `loadtests/barrier.py`."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, Protocol, Self

from harness.errors import EnvironmentFailedError, InvalidMeasurementError
from harness.load.usage import UsageRecorder
from harness.protocol.recording import Recording
from harness.testbed.rig import Rig
from harness.testbed.sampler import ProcessSampler

#: How often to look whether everybody is alive while nobody says anything.
_LOOK_UP_S: Final = 0.5
#: With no word for this long, whether servers on other machines can still be reached.
_KNOCK_AFTER_S: Final = 5
#: With no word from the load generator for this long, it hangs.
_SILENCE_S: Final = 120

#: Called after every slot with (slots done, instance, requests, elapsed ns).
OnSlot = Callable[[int, int, int, int], None]


class LoadMember(Protocol):
    """One of those who share a load."""

    @property
    def name(self) -> str:
        """Who it is, for people."""

    def has_ended(self) -> bool:
        """Whether it will say nothing more."""

    def failure(self) -> InvalidMeasurementError:
        """The error that says how it ended before its time."""

    def recorded(self) -> Recording:
        """What it recorded, as far as it came."""


def listen(listener: socket.socket, path: str, count: int) -> None:
    """Have so many load processes find us at a socket's path."""
    Path(path).unlink(missing_ok=True)
    listener.bind(path)
    listener.listen(count)


class SlotBarrier:
    """The lines to the load processes: none goes on from an edge before all are there."""

    def __init__(self, listener: socket.socket, load: Sequence[LoadMember], rig: Rig) -> None:
        self._listener = listener
        self._load = load
        self._rig = rig
        self._connections: list[socket.socket] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def attend(self, accountant: UsageRecorder, watch: ProcessSampler, on_slot: OnSlot) -> None:
        """Answer at every edge, until the load processes hang up.

        Raises:
            InvalidMeasurementError: One hung up before the others.
        """
        self._register()
        while words := self._edge():
            self._rig.check_alive()
            match words[0]:
                case ["begin", _, instance]:
                    accountant.begin(int(instance))
                case ["end", slot, instance, _, _]:
                    accountant.end(int(slot), int(instance))
                    watch.look()
                    requests = sum(int(one[3]) for one in words)
                    on_slot(int(slot) + 1, int(instance), requests, max(int(one[4]) for one in words))
                case _:
                    raise AssertionError(f"unknown edge: {words}")
            for connection in self._connections:
                with suppress(BrokenPipeError, ConnectionResetError):  # it is missed at the next edge
                    connection.sendall(b".")

    def agree(self, lead_ns: int) -> int:
        """Wait until the load of an incident is ready, and tell it when to begin.

        Args:
            lead_ns: How far ahead that moment is.

        Returns:
            The moment, by `perf_counter_ns`, which is one clock for all processes.

        Raises:
            InvalidMeasurementError: The load hung up.
        """
        self._register()
        for one, connection in zip(self._load, self._connections, strict=True):
            if not self._line(connection):
                raise one.failure()
        start_ns = time.perf_counter_ns() + lead_ns
        for connection in self._connections:
            with suppress(BrokenPipeError, ConnectionResetError):  # its process is missed soon
                connection.sendall(b"%d\n" % start_ns)
        return start_ns

    def _register(self) -> None:
        """Wait until all have called."""
        called: dict[int, socket.socket] = {}
        self._listener.settimeout(_LOOK_UP_S)
        since = time.monotonic()
        while len(called) < len(self._load):
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                for one in self._load:
                    if one.has_ended():
                        raise one.failure() from None
                self._check_silence(since)
                continue
            connection.settimeout(_LOOK_UP_S)
            self._open.enter_context(connection)
            if number := self._line(connection):
                called[int(number)] = connection
        self._connections = [called[number] for number in range(len(self._load))]

    def _edge(self) -> list[list[str]]:
        """What each says at the next edge, in words; nothing once all have hung up."""
        said = [self._line(connection) for connection in self._connections]
        if not any(said):
            return []
        for one, line in zip(self._load, said, strict=True):
            if not line:
                raise one.failure()
        words = [line.decode().split() for line in said]
        if len({tuple(one[:3]) for one in words}) != 1:
            raise AssertionError(f"load processes at different edges: {words}")
        return words

    def _line(self, connection: socket.socket) -> bytes:
        """One line; empty where the other end is gone. It is all that was sent: the other end now waits."""
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
        if silent_s > _KNOCK_AFTER_S:
            self._rig.check_reachable()
        if silent_s > _SILENCE_S:
            raise EnvironmentFailedError(f"the load generator has said nothing for {_SILENCE_S} s.")
