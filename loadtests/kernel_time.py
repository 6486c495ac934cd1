"""Arrival times of the bytes that a socket reads: the kernel's timestamps (SO_TIMESTAMPNS in socket(7)).

A load generator reads an answer late: after it was woken, scheduled, and done with earlier answers. The
server causes none of that delay. The kernel records when each segment arrived.
"""

from __future__ import annotations

import socket
import struct
import sys
from time import perf_counter_ns, time_ns
from typing import Final

from harness.protocol.clocks import AnswersEnd

_CHUNK: Final = 65536
#: Python has no name for it; of the platforms that this project supports only Linux has the option.
_SO_TIMESTAMPNS: Final = 35
#: A control message with one `struct timespec`, on the wall clock.
_ANCILLARY_BYTES: Final = socket.CMSG_SPACE(16)
_IS_SUPPORTED: Final = sys.platform == "linux"
_timespec = struct.Struct("qq").unpack


def answers_end() -> AnswersEnd:
    """Return what ends an answer's time on this platform: its arrival, if the kernel records it."""
    return "arrived" if _IS_SUPPORTED else "read"


def note(connection: socket.socket) -> None:
    """Have the kernel record arrival times from now on; does nothing except on Linux."""
    if _IS_SUPPORTED:
        connection.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def read(connection: socket.socket, since_ns: int) -> tuple[bytes, int]:
    """Read the bytes that are available.

    Args:
        connection: Socket that was passed to `note`.
        since_ns: Earliest possible arrival (`perf_counter_ns`). A timestamp before it means that the wall
            clock was set meanwhile; it is then ignored.

    Returns:
        The bytes, none at the end of the connection, and when the last of them arrived (`perf_counter_ns`);
        without a timestamp of the kernel the current time.

    Raises:
        OSError: As `recv` does.
    """
    data, ancillary, _, _ = connection.recvmsg(_CHUNK, _ANCILLARY_BYTES)
    # In this order: an interruption between the two makes an arrival seem late, never early.
    wall_ns = time_ns()
    now_ns = perf_counter_ns()
    if not ancillary:
        return data, now_ns
    seconds, ns = _timespec(ancillary[0][2])
    arrived_ns = now_ns - (wall_ns - seconds * 1_000_000_000 - ns)
    return data, arrived_ns if since_ns <= arrived_ns <= now_ns else now_ns
