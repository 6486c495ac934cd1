"""CPU time and memory of whatever listens on a port of this machine: found in /proc, so on Linux alone."""

from __future__ import annotations

import contextlib
import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from harness.system import processes
from harness.testbed.meters import CpuReading, Family, cpu_of, resident_bytes_of

#: In the column `st` of /proc/net/tcp.
_LISTENS: Final = "0A"
_PROC: Final = Path("/proc")


class UnreadableError(Exception):
    """What listens there cannot be read; says why, and what to do."""


@dataclass(frozen=True)
class _Listener:
    """A listening socket, as /proc/net/tcp has it."""

    inode: str
    uid: int


class PortMeter:
    """Reads the processes that hold a listening port, and those that they have started.

    Args:
        port: Of TCP, at any address of this machine (of this network namespace).
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._members: list[int] = []

    def meet(self) -> Family:
        """Find out which processes there are; the readings that follow are of these.

        Raises:
            UnreadableError: Nothing listens there, or this user may not see what does.
        """
        listeners = list(_listeners(self._port))
        if not listeners:
            raise UnreadableError(f"nothing listens on port {self._port}")
        inodes = {one.inode for one in listeners}
        holders = [pid for pid in psutil.pids() if inodes & set(_sockets(pid))]
        if not holders:
            raise UnreadableError(
                f"what listens on port {self._port} belongs to {_user(listeners[0].uid)}, and this agent may"
                " not look into it: start the agent as that user, or as root"
            )
        found: Family = frozenset[tuple[int, float]]().union(*map(processes.process_tree, holders))
        self._members = sorted(pid for pid, _ in found)
        return found

    def cpu(self) -> CpuReading:
        """CPU time of all that were met until now."""
        return cpu_of(self._members)

    def resident_bytes(self) -> int:
        """Resident memory of all that were met."""
        return resident_bytes_of(self._members)


def _listeners(port: int) -> Iterator[_Listener]:
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError):  # a system without IPv6
            for line in (_PROC / "net" / table).read_text().splitlines()[1:]:
                columns = line.split()
                local, state, uid, inode = columns[1], columns[3], columns[7], columns[9]
                if state == _LISTENS and int(local.rpartition(":")[2], 16) == port:
                    yield _Listener(inode, int(uid))


def _sockets(pid: int) -> Iterator[str]:
    """The inodes of a process's sockets; none of one that has ended, or may not be looked into."""
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
