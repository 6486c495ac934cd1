"""A distance between servers and store: whatever passes this relay arrives so much later.

`python -m harness.testbed.store.relay --socket PATH --store PATH --control PATH` relays Unix sockets. A line
with a number of microseconds to the control socket sets the delay, half of it each way, and is answered `ok`.
Sleeping by `select` is precise to some microseconds once the thread's timer slack is gone; event loops round
to milliseconds. What a round trip really takes is measured through it (`harness/testbed/rig.py`), not
assumed.
"""

from __future__ import annotations

import argparse
import ctypes
import heapq
import resource
import select
import socket
import sys
import time
from itertools import count
from pathlib import Path
from typing import Final

_PR_SET_TIMERSLACK: Final = 29
_CHUNK: Final = 65536
#: Connections that may wait to be accepted: servers open many at once.
_BACKLOG: Final = 1024
#: Seconds that a peer may leave unread what it is sent, before its connection is given up.
_PATIENCE_S: Final = 10


class Relay:
    """Connections through, two sockets each, and what is on its way.

    Args:
        listener: Where servers connect.
        control: Where the delay is told.
        store: Path of the store's socket.
    """

    def __init__(self, listener: socket.socket, control: socket.socket, store: Path) -> None:
        self._listener = listener
        self._control = control
        self._store = store
        self._each_way_ns = 0
        self._other: dict[socket.socket, socket.socket] = {}
        # Many sockets by epoll, which counts milliseconds; the time by select, which counts microseconds.
        self._ready = select.epoll()
        self._by_number: dict[int, socket.socket] = {}
        for one in (listener, control):
            self._read_from(one)
        #: When due (ns), a number that keeps the order, to whom, what; empty at the end of a stream.
        self._under_way: list[tuple[int, int, socket.socket, bytes]] = []
        self._numbers = count()

    def serve(self) -> None:
        """Relay until the process is ended."""
        while True:
            self._deliver()
            select.select([self._ready], [], [], self._pause_s())
            for number, _ in self._ready.poll(0):
                one = self._by_number.get(number)
                if one is self._listener:
                    self._accept()
                elif one is self._control:
                    self._be_told()
                elif one is not None:  # else parted a moment ago
                    self._take(one)

    def _read_from(self, one: socket.socket) -> None:
        self._by_number[one.fileno()] = one
        self._ready.register(one, select.EPOLLIN)

    def _stop_reading(self, one: socket.socket) -> None:
        if self._by_number.pop(one.fileno(), None) is not None:
            self._ready.unregister(one)

    def _pause_s(self) -> float | None:
        if not self._under_way:
            return None
        return max(0, self._under_way[0][0] - time.monotonic_ns()) / 1e9

    def _deliver(self) -> None:
        while self._under_way and self._under_way[0][0] <= time.monotonic_ns():
            _, _, to, chunk = heapq.heappop(self._under_way)
            if to in self._other and not _sent(to, chunk):
                self._part(to)

    def _take(self, one: socket.socket) -> None:
        chunk = _received(one)
        if not chunk:  # nothing more comes from there; what is under way still arrives
            self._stop_reading(one)
        due_ns = time.monotonic_ns() + self._each_way_ns
        heapq.heappush(self._under_way, (due_ns, next(self._numbers), self._other[one], chunk))

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = socket.socket(socket.AF_UNIX)
        client.settimeout(_PATIENCE_S)
        server.settimeout(_PATIENCE_S)
        try:
            server.connect(str(self._store))
        except OSError:
            client.close()
            server.close()
            return
        self._other |= {client: server, server: client}
        for one in (client, server):
            self._read_from(one)

    def _part(self, one: socket.socket) -> None:
        for each in (one, self._other[one]):
            self._stop_reading(each)
            del self._other[each]
            each.close()

    def _be_told(self) -> None:
        """Answer once the delay holds for whatever comes next."""
        teller, _ = self._control.accept()
        with teller, teller.makefile("rw") as line:
            self._each_way_ns = round(float(line.readline()) * 1e3 / 2)
            line.write("ok\n")


def _sent(to: socket.socket, chunk: bytes) -> bool:
    """Whether there was anything to send and all of it went."""
    try:
        to.sendall(chunk)
    except OSError:
        return False
    return bool(chunk)


def _received(one: socket.socket) -> bytes:
    """What came; nothing at the end of a stream."""
    try:
        return one.recv(_CHUNK)
    except OSError:
        return b""


def set_delay(control: Path, delay_us: float) -> None:
    """Set the delay of the relay that has this control socket.

    Raises:
        OSError: It is not there, or does not answer.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_PATIENCE_S)
        connection.connect(str(control))
        connection.sendall(f"{delay_us}\n".encode())
        if connection.recv(16) != b"ok\n":
            raise ConnectionError(f"the relay at {control} did not take the delay")


def _listening(path: Path) -> socket.socket:
    one = socket.socket(socket.AF_UNIX)
    one.bind(str(path))
    path.chmod(0o600)
    one.listen(_BACKLOG)
    return one


def main() -> None:
    """Relay until ended."""
    parser = argparse.ArgumentParser(prog="python -m harness.testbed.store.relay", description=__doc__)
    for name in ("socket", "store", "control"):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="PATH")
    options = parser.parse_args()
    # Two sockets a connection, of which servers hold one for each request in flight.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1)
    relay = Relay(_listening(options.socket), _listening(options.control), options.store)
    print("ready", flush=True)
    relay.serve()


if __name__ == "__main__":
    main()
