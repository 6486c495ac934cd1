"""A server that knows how long each of its answers took: `python -m calibration.target --port 0`.

`/fixed` answers 2 ms after it read a request, `/bimodal` after 1 ms or, one time in five, 8 ms. Each answer
carries in `Answer-Time-Ns` the time from its request's arrival, as the kernel notes it where it does
(SO_TIMESTAMPNS in socket(7), Linux), to sending it, and `/truth` answers all of them since it was last
asked, so that what a load generator says of the same requests can be held against them.

One thread polls without sleeping while anything is pending: timers of event loops tick in milliseconds, and
a process that sleeps is woken late. It so takes a whole CPU while under load.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import json
import random
import selectors
import socket
import struct
import sys
from time import perf_counter_ns, time_ns
from typing import Final

#: Path to the delays in ns among which each answer draws one.
DELAYS_NS: Final[dict[str, tuple[int, ...]]] = {
    "/fixed": (2_000_000,),
    "/bimodal": (1_000_000, 1_000_000, 1_000_000, 1_000_000, 8_000_000),
}
TRUTH: Final = "/truth"
_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
_STAMP: Final = b"Answer-Time-Ns: %d\r\n\r\n"
_BODY: Final = b'{"id": "nobody"}'
#: After the last request it polls for so long before it sleeps.
_AWAKE_NS: Final = 200_000_000
#: Python has no name for it.
_SO_TIMESTAMPNS: Final = 35
#: A control message with one `struct timespec`, on the wall clock.
_NOTE_SPACE: Final = socket.CMSG_SPACE(16)


class TargetServer:
    """The server; one request at a time a connection.

    Args:
        port: On loopback; 0 for any free one.
        seed: Draws the delays.
    """

    def __init__(self, port: int, seed: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._dice = random.Random(seed)  # noqa: S311 - reproducible delays, not a secret
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        #: (due, order, arrival, connection) of the answers that are not due yet.
        self._pending: list[tuple[int, int, int, socket.socket]] = []
        self._requests = 0
        self._truth: list[int] = []

    def serve_for_ever(self) -> None:
        """Poll for requests and for answers that are due."""
        awake_until = 0
        while True:
            now = perf_counter_ns()
            if self._pending and self._pending[0][0] <= now:
                self._answer()
                continue
            for key, _ in self._selector.select(0 if self._pending or now < awake_until else None):
                awake_until = perf_counter_ns() + _AWAKE_NS
                if key.fileobj is self._listener:
                    connection, _ = self._listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    if sys.platform == "linux":
                        connection.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
                    self._selector.register(connection, selectors.EVENT_READ)
                elif isinstance(key.fileobj, socket.socket):
                    self._read(key.fileobj)

    def _read(self, connection: socket.socket) -> None:
        try:
            request, notes, _, _ = connection.recvmsg(65536, _NOTE_SPACE)
        except ConnectionResetError:
            request, notes = b"", []
        wall_ns = time_ns()
        read_ns = arrived_ns = perf_counter_ns()
        if notes:
            seconds, ns = struct.unpack("qq", notes[0][2])
            arrived_ns -= wall_ns - seconds * 1_000_000_000 - ns
        if not request:
            self._selector.unregister(connection)
            connection.close()
            return
        path = request.split(b" ", 2)[1].decode("ascii")
        if path == TRUTH:
            body = json.dumps(self._truth).encode()
            self._truth = []
            connection.sendall(_HEAD % len(body) + b"\r\n" + body)
            return
        self._requests += 1
        due_ns = read_ns + self._dice.choice(DELAYS_NS[path])
        heapq.heappush(self._pending, (due_ns, self._requests, arrived_ns, connection))

    def _answer(self) -> None:
        _, _, arrived_ns, connection = heapq.heappop(self._pending)
        took_ns = perf_counter_ns() - arrived_ns
        self._truth.append(took_ns)
        with contextlib.suppress(OSError):  # whoever asked has gone
            connection.send(_HEAD % len(_BODY) + _STAMP % took_ns + _BODY)


def main() -> None:
    """Serve until ended; the first line printed says the port."""
    parser = argparse.ArgumentParser(
        prog="python -m calibration.target",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="port on loopback; 0 takes any free one")
    parser.add_argument("--seed", type=int, default=1, help="draws the delays")
    options = parser.parse_args()
    target = TargetServer(options.port, options.seed)
    print(json.dumps({"port": target.port}), flush=True)
    target.serve_for_ever()


if __name__ == "__main__":
    main()
