"""Server with known response times: `python -m calibration.target --port 0`.

`/fixed` responds 2 ms after it has read a request, `/bimodal` after 1 ms or, one time in five, 8 ms. The
header `Answer-Time-Ns` of each response is the time from the arrival of its request, by the kernel's receive
timestamp if there is one (SO_TIMESTAMPNS in socket(7), Linux), to sending the response. `/truth` returns all
of these times since its last call, so that the latencies reported by a load generator can be checked.

One thread polls without sleeping while a response is pending, because timers of event loops have a resolution
of milliseconds, and a sleeping process is woken late. Under load it therefore uses a whole CPU.
"""

from __future__ import annotations

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

from calibration import parser

#: Delays in ns, by path; each response draws one of them.
DELAYS_NS: Final[dict[str, tuple[int, ...]]] = {
    "/fixed": (2_000_000,),
    "/bimodal": (1_000_000, 1_000_000, 1_000_000, 1_000_000, 8_000_000),
}
TRUTH: Final = "/truth"
_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
_STAMP: Final = b"Answer-Time-Ns: %d\r\n\r\n"
_BODY: Final = b'{"id": "nobody"}'
#: Time to keep polling after the last request, ns.
_AWAKE_NS: Final = 200_000_000
#: Socket option without a name in Python.
_SO_TIMESTAMPNS: Final = 35
#: Size of a control message with one `struct timespec`, on the wall clock.
_TIMESTAMP_SPACE: Final = socket.CMSG_SPACE(16)


class TargetServer:
    """Server that handles one request at a time per connection.

    Args:
        port: Port on loopback; 0 for any free port.
        seed: Seed of the delays.
    """

    def __init__(self, port: int, seed: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._random = random.Random(seed)  # noqa: S311 - reproducible delays, not a secret
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        #: (due, order, arrival, connection) of the responses that are not due yet.
        self._pending: list[tuple[int, int, int, socket.socket]] = []
        self._requests = 0
        self._truth: list[int] = []

    def serve_for_ever(self) -> None:
        """Poll for requests and for responses that are due."""
        awake_until = 0
        while True:
            now = perf_counter_ns()
            if self._pending and self._pending[0][0] <= now:
                self._respond()
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
            request, timestamps, _, _ = connection.recvmsg(65536, _TIMESTAMP_SPACE)
        except ConnectionResetError:
            request, timestamps = b"", []
        wall_ns = time_ns()
        read_ns = arrived_ns = perf_counter_ns()
        if timestamps:
            seconds, ns = struct.unpack("qq", timestamps[0][2])
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
        due_ns = read_ns + self._random.choice(DELAYS_NS[path])
        heapq.heappush(self._pending, (due_ns, self._requests, arrived_ns, connection))

    def _respond(self) -> None:
        _, _, arrived_ns, connection = heapq.heappop(self._pending)
        elapsed_ns = perf_counter_ns() - arrived_ns
        self._truth.append(elapsed_ns)
        with contextlib.suppress(OSError):  # the client has disconnected
            connection.send(_HEAD % len(_BODY) + _STAMP % elapsed_ns + _BODY)


def main() -> None:
    """Serve until terminated; the first line printed names the port."""
    arguments = parser("target", __doc__)
    arguments.add_argument("--port", type=int, default=0, help="port on loopback; 0 takes any free port")
    arguments.add_argument("--seed", type=int, default=1, help="seed of the delays")
    options = arguments.parse_args()
    target = TargetServer(options.port, options.seed)
    print(json.dumps({"port": target.port}), flush=True)
    target.serve_for_ever()


if __name__ == "__main__":
    main()
