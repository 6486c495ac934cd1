"""Tells the harness that a slot begins or ends, and waits while it reads its meters."""

from __future__ import annotations

from time import perf_counter_ns
from typing import Final, Protocol

from gevent import monkey

_socket = monkey.get_original("socket", "socket")
#: Where there is no harness to say it, a load begins so soon: all users are waiting by then.
_LEAD_NS: Final = 50_000_000


class SlotEdges(Protocol):
    """Who is told of the edges of slots, and lets the load go on."""

    def begin(self, slot: int, instance: int) -> int | None:
        """The recorded part of a slot is about to begin: at this `perf_counter_ns`, or at once."""

    def end(self, slot: int, instance: int, requests: int, elapsed_ns: int) -> None:
        """The slot's last answer has been read."""


class LocalSlotEdges:
    """The line to the harness; blocking on purpose, since nothing is under way at an edge.

    Args:
        path: Unix socket of the harness; empty where nobody reads meters.
        process: Number of this load process, which is all that is said at first.
    """

    def __init__(self, path: str, process: int) -> None:
        self._line = None
        if path:
            import socket

            self._line = _socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._line.connect(path)
            self._line.sendall(b"%d\n" % process)

    def begin(self, slot: int, instance: int) -> None:
        """The recorded part of a slot is about to begin, at once."""
        self._say(f"begin {slot} {instance}")

    def end(self, slot: int, instance: int, requests: int, elapsed_ns: int) -> None:
        """The slot's last answer has been read."""
        self._say(f"end {slot} {instance} {requests} {elapsed_ns}")

    def agree(self) -> int:
        """All is ready for an incident: the moment, by `perf_counter_ns`, at which its load is to begin."""
        if self._line is None:
            return perf_counter_ns() + _LEAD_NS
        self._line.sendall(b"ready\n")
        if not (answer := self._line.recv(64)):
            raise ConnectionError("the harness is gone")
        return int(answer)

    def _say(self, text: str) -> None:
        if self._line is None:
            return
        self._line.sendall(text.encode() + b"\n")
        if not self._line.recv(1):
            raise ConnectionError("the harness is gone")
