"""Reports the edges of slots to the harness, and waits while the harness reads its meters."""

from __future__ import annotations

from time import perf_counter_ns
from typing import Final, Protocol

from gevent import monkey

_socket = monkey.get_original("socket", "socket")
#: Without a harness a load begins after this long: by then all users are waiting.
_LEAD_NS: Final = 50_000_000


class SlotEdges(Protocol):
    """Barrier at the edges of slots: reports them, and returns when the load may continue."""

    def begin(self, slot: int, instance: int) -> int | None:
        """Report the begin of the recorded part of a slot; return its `perf_counter_ns`, or None for now."""

    def end(self, slot: int, instance: int, requests: int, elapsed_ns: int) -> None:
        """Report that the last answer of the slot was read."""


class LocalSlotEdges:
    """Connection to the harness; it blocks on purpose, since no request is pending at an edge.

    Args:
        path: Unix socket of the harness; empty if there are no meters.
        process: Number of this load process, which is the first message.
    """

    def __init__(self, path: str, process: int) -> None:
        self._connection = None
        if path:
            import socket

            self._connection = _socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._connection.connect(path)
            self._connection.sendall(b"%d\n" % process)

    def begin(self, slot: int, instance: int) -> None:
        """Report that the recorded part of a slot begins now."""
        self._send_line(f"begin {slot} {instance}")

    def end(self, slot: int, instance: int, requests: int, elapsed_ns: int) -> None:
        """Report that the last answer of the slot was read."""
        self._send_line(f"end {slot} {instance} {requests} {elapsed_ns}")

    def agree(self) -> int:
        """Report that an incident is ready; return the `perf_counter_ns` at which its load is to begin."""
        if self._connection is None:
            return perf_counter_ns() + _LEAD_NS
        self._connection.sendall(b"ready\n")
        if not (answer := self._connection.recv(64)):
            raise ConnectionError("the harness is gone")
        return int(answer)

    def _send_line(self, text: str) -> None:
        if self._connection is None:
            return
        self._connection.sendall(text.encode() + b"\n")
        if not self._connection.recv(1):
            raise ConnectionError("the harness is gone")
