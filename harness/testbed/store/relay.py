"""Relay between servers and store that adds a delay to every round trip.

`python -m harness.testbed.store.relay --listen ADDRESS --store ADDRESS --control PATH` relays connections; an
address is `HOST:PORT`, or `unix:PATH`. It prints `ready` and the address it listens at. A line with a number
of microseconds to the control socket sets the delay, half of it each way, and is answered `ok`. TLS passes
through as it is.
Sleeping by `select` is precise to a few microseconds once the thread's timer slack is set to 1 ns; event
loops round to milliseconds. The real round trip is measured through the relay (`SessionStore.rtt_us`), not
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
from typing import Any, Final

_PR_SET_TIMERSLACK: Final = 29
_CHUNK: Final = 65536
_UNIX: Final = "unix:"
#: Seconds that a send may block before the connection is closed.
_TIMEOUT_S: Final = 10


class Relay:
    """Relayed connections, two sockets each, and the data in transit.

    Args:
        listener: Socket that servers connect to.
        control: Socket that receives the delay.
        store: Address of the store.
    """

    def __init__(self, listener: socket.socket, control: socket.socket, store: str) -> None:
        self._listener = listener
        self._control = control
        self._store = store
        self._each_way_ns = 0
        self._other: dict[socket.socket, socket.socket] = {}
        # epoll for many sockets, but it counts milliseconds; select for the time, in microseconds.
        self._ready = select.epoll()
        self._by_number: dict[int, socket.socket] = {}
        for sock in (listener, control):
            self._read_from(sock)
        #: Time due (ns), a number that keeps the order, receiver, data; no data at the end of a stream.
        self._in_transit: list[tuple[int, int, socket.socket, bytes]] = []
        self._numbers = count()

    def serve(self) -> None:
        """Relay until the process is terminated."""
        while True:
            self._deliver()
            next_ns = self._in_transit[0][0] - time.monotonic_ns() if self._in_transit else None
            select.select([self._ready], [], [], None if next_ns is None else max(0, next_ns) / 1e9)
            for number, _ in self._ready.poll(0):
                sock = self._by_number.get(number)
                if sock is self._listener:
                    self._accept()
                elif sock is self._control:
                    self._set_delay()
                elif sock is not None:  # else it has just been closed
                    self._receive(sock)

    def _read_from(self, sock: socket.socket) -> None:
        self._by_number[sock.fileno()] = sock
        self._ready.register(sock, select.EPOLLIN)

    def _stop_reading(self, sock: socket.socket) -> None:
        if self._by_number.pop(sock.fileno(), None) is not None:
            self._ready.unregister(sock)

    def _deliver(self) -> None:
        while self._in_transit and self._in_transit[0][0] <= time.monotonic_ns():
            _, _, receiver, chunk = heapq.heappop(self._in_transit)
            if receiver in self._other and not _sent(receiver, chunk):
                self._close(receiver)

    def _receive(self, sock: socket.socket) -> None:
        try:
            chunk = sock.recv(_CHUNK)
        except OSError:
            chunk = b""
        if not chunk:  # end of this stream; data in transit is still delivered
            self._stop_reading(sock)
        due_ns = time.monotonic_ns() + self._each_way_ns
        heapq.heappush(self._in_transit, (due_ns, next(self._numbers), self._other[sock], chunk))

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server, address = _socket(self._store)
        client.settimeout(_TIMEOUT_S)
        server.settimeout(_TIMEOUT_S)
        try:
            server.connect(address)
            for end in (client, server):
                if end.family == socket.AF_INET:  # each part is sent when it is due, not with the next
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            client.close()
            server.close()
            return
        self._other |= {client: server, server: client}
        for sock in (client, server):
            self._read_from(sock)

    def _close(self, sock: socket.socket) -> None:
        for end in (sock, self._other[sock]):
            self._stop_reading(end)
            del self._other[end]
            end.close()

    def _set_delay(self) -> None:
        """Read the delay of later data from the control socket, and answer `ok`."""
        connection, _ = self._control.accept()
        with connection, connection.makefile("rw") as file:
            self._each_way_ns = round(float(file.readline()) * 1e3 / 2)
            file.write("ok\n")


def _sent(sock: socket.socket, chunk: bytes) -> bool:
    """Whether the data is not empty and was sent completely."""
    try:
        sock.sendall(chunk)
    except OSError:
        return False
    return bool(chunk)


def set_delay(control: Path, delay_us: float) -> None:
    """Set the delay of the relay that has this control socket.

    Args:
        control: Path of the control socket.
        delay_us: Added round-trip time in microseconds.

    Raises:
        OSError: The relay does not run, or does not answer.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_TIMEOUT_S)
        connection.connect(str(control))
        connection.sendall(f"{delay_us}\n".encode())
        if connection.recv(16) != b"ok\n":
            raise ConnectionError(f"the relay at {control} did not accept the delay")


def _socket(address: str) -> tuple[socket.socket, Any]:
    """Return a socket for an address, and the address as the socket takes it."""
    if address.startswith(_UNIX):
        return socket.socket(socket.AF_UNIX), address.removeprefix(_UNIX)
    host, _, port = address.rpartition(":")
    return socket.socket(socket.AF_INET), (host, int(port))


def _listening(address: str) -> tuple[socket.socket, str]:
    """Return a socket that listens at an address, and the address with the port that it got."""
    listener, place = _socket(address)
    listener.bind(place)
    if listener.family == socket.AF_UNIX:
        Path(place).chmod(0o600)
    else:
        host, port = listener.getsockname()
        address = f"{host}:{port}"
    listener.listen(1024)  # servers open many connections at the same time
    return listener, address


def main() -> None:
    """Run a relay until it is terminated."""
    parser = argparse.ArgumentParser(prog="python -m harness.testbed.store.relay", description=__doc__)
    parser.add_argument("--listen", required=True, metavar="ADDRESS", help="like --store; port 0: any")
    parser.add_argument("--store", required=True, metavar="ADDRESS", help="HOST:PORT, or unix:PATH")
    parser.add_argument("--control", required=True, metavar="PATH", help="Unix socket that sets the delay")
    options = parser.parse_args()
    # Two sockets per connection, and servers hold a connection for each request in flight.
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1)
    listener, address = _listening(options.listen)
    control, _ = _listening(f"{_UNIX}{options.control}")
    relay = Relay(listener, control, options.store)
    print("ready", address, flush=True)
    relay.serve()


if __name__ == "__main__":
    main()
