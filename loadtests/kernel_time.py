"""When what a socket reads had come in: the kernel's time stamps (SO_TIMESTAMPNS in socket(7)).

A load generator reads an answer when it gets round to it: after it was woken, after its turn came, after the
answers before. None of that is the server's doing. The kernel notes when each segment arrived.
"""

from __future__ import annotations

import socket
import struct
import sys
from time import perf_counter_ns, time_ns
from typing import Final

from harness.protocol.clocks import AnswersEnd

_CHUNK: Final = 65536
#: Python has no name for it; of the platforms that this project runs on only Linux has the option.
_SO_TIMESTAMPNS: Final = 35
#: A control message with one `struct timespec`, on the wall clock.
_SPACE: Final = socket.CMSG_SPACE(16)
_IS_TOLD: Final = sys.platform == "linux"
_timespec = struct.Struct("qq").unpack


def answers_end() -> AnswersEnd:
    """What an answer's time ends with on this platform: Linux takes notes for whoever asks."""
    return "arrived" if _IS_TOLD else "read"


def note(connection: socket.socket) -> None:
    """Have the kernel note arrival times from now on; elsewhere than on Linux nothing happens."""
    if _IS_TOLD:
        connection.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def read(connection: socket.socket, since_ns: int) -> tuple[bytes, int]:
    """Read what is there.

    Args:
        connection: One that `note` was called with.
        since_ns: It cannot have come before this (`perf_counter_ns`): a wall clock that was set meanwhile
            would say so, and is then not believed.

    Returns:
        The bytes, none at the end, and when the last of them came in (`perf_counter_ns`); where the kernel
        does not tell, that is now.

    Raises:
        OSError: As `recv` does.
    """
    data, notes, _, _ = connection.recvmsg(_CHUNK, _SPACE)
    # In this order: being interrupted between the two makes an arrival late, never earlier than it was.
    wall_ns = time_ns()
    now_ns = perf_counter_ns()
    if not notes:
        return data, now_ns
    seconds, ns = _timespec(notes[0][2])
    arrived_ns = now_ns - (wall_ns - seconds * 1_000_000_000 - ns)
    return data, arrived_ns if since_ns <= arrived_ns <= now_ns else now_ns
