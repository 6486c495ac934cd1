"""CPU time and memory of the server on a port of this machine, found in /proc: Linux only."""

from __future__ import annotations

import contextlib
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

from harness.system import processes
from harness.testbed.meters import Family, LocalMeter

_PROC: Final = Path("/proc")


class UnreadableError(Exception):
    """The server on a port cannot be read; the message has the reason and the remedy."""


class PortMeter(LocalMeter):
    """Meter of the processes that listened on a port at the last `meet`, and their descendants.

    Args:
        port: TCP port, at any address of this machine (of this network namespace).
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.members = []

    def meet(self) -> Family:
        """Return the processes that serve on the port now; later readings are of these.

        Raises:
            UnreadableError: Nothing listens on the port, or this user has no permission to read it.
        """
        listeners = dict(_listeners(self._port))
        if not listeners:
            raise UnreadableError(f"nothing listens on port {self._port}")
        holders = [pid for pid in psutil.pids() if listeners.keys() & set(_sockets(pid))]
        if not holders:
            owner = _user(next(iter(listeners.values())))
            raise UnreadableError(
                f"the server on port {self._port} belongs to {owner}, and this agent has no permission to"
                " read it: start the agent as that user, or as root"
            )
        family: Family = frozenset[tuple[int, float]]().union(*map(processes.process_tree, holders))
        self.members = sorted(pid for pid, _ in family)
        return family


def _listeners(port: int) -> Iterator[tuple[str, int]]:
    """Yield the inode and the user id of each socket that listens (state 0A) on a port."""
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError):  # a system without IPv6
            for line in (_PROC / "net" / table).read_text().splitlines()[1:]:
                columns = line.split()
                local, state, uid, inode = columns[1], columns[3], columns[7], columns[9]
                if state == "0A" and int(local.rpartition(":")[2], 16) == port:
                    yield inode, int(uid)


def _sockets(pid: int) -> Iterator[str]:
    """Yield the inodes of a process's sockets; none if it has ended or cannot be read."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        for file in (_PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                kind, _, inode = file.readlink().name.partition(":[")
                if kind == "socket":
                    yield inode.removesuffix("]")


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
