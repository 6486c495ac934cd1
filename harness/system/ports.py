"""Free ports of the loopback interface, for programs that cannot choose one themselves."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress
from typing import Final

from harness.errors import EnvironmentFailedError

LOOPBACK: Final = "127.0.0.1"
#: Outside every system's ephemeral range, so that no client occupies a port that a server needs.
_PORTS: Final = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Return this many different ports that nothing listens on now.

    Raises:
        EnvironmentFailedError: Too few ports are free.
    """
    shuffled = secrets.SystemRandom().sample(_PORTS, len(_PORTS))
    free = [port for port, _ in zip(filter(_is_free, shuffled), range(count), strict=False)]
    if len(free) < count:
        raise EnvironmentFailedError(f"no port from {_PORTS.start} to {_PORTS.stop - 1} is free.")
    return free


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind((LOOPBACK, port))
        return True
    return False
