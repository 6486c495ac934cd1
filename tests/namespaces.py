"""Several machines on one: network namespaces of Linux, joined by cables (veth) at a switch (a bridge).

Each host has an address and a loopback of its own, and reaches the others by no way but the switch, which
lies in a namespace too: this machine's own network is neither touched nor reached, so no address is taken.
Processes, files and CPUs are shared; what differs between machines besides the network is not shown.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

#: Begins the name of every namespace of ours; what follows says whose it is.
_PREFIX: Final = "cvt"
_SWITCH: Final = "switch"
_CABLE: Final = "eth0"
_NETWORK: Final = "10.91.7"
#: Seconds that one `ip` may take, and that processes that were killed may take to be gone.
_PATIENCE_S: Final = 20


@dataclass(frozen=True)
class Host:
    """One of the machines.

    Attributes:
        name: As the test calls it.
        address: Where the others reach it.
        namespace: As `ip netns` calls it.
    """

    name: str
    address: str
    namespace: str
    _switch: str
    _started: list[subprocess.Popen[Any]] = field(default_factory=list)

    def command(self, *words: str) -> list[str]:
        """What runs these words there; the process that is started becomes theirs."""
        return ["ip", "netns", "exec", self.namespace, *words]

    def run(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command there to its end, as `subprocess.run` does; both outputs are kept, as text."""
        return subprocess.run(
            self.command(*words), capture_output=True, text=True, check=False, **({"timeout": 60} | options)
        )

    def start(self, *words: str, **options: Any) -> subprocess.Popen[Any]:
        """Start a command there, as `subprocess.Popen` does; it ends with the network."""
        self._started.append(
            subprocess.Popen(self.command(*words), **({"start_new_session": True} | options))
        )
        return self._started[-1]

    def forget(self) -> None:
        """Wait for what was started and has been killed, and close its pipes."""
        for one in self._started:
            one.wait(timeout=_PATIENCE_S)
            for pipe in (one.stdin, one.stdout, one.stderr):
                if pipe is not None:
                    pipe.close()

    def cut_off(self) -> None:
        """Pull its cable: nothing comes or goes, and nobody is told."""
        _ip("-n", self._switch, "link", "set", self.name, "down")

    def join(self) -> None:
        """Plug it in again."""
        _ip("-n", self._switch, "link", "set", self.name, "up")


@contextlib.contextmanager
def joined(*names: str) -> Iterator[list[Host]]:
    """So many hosts of these names (15 letters at most), joined; skips the test where that cannot be.

    Afterwards every process in them is killed, and all is gone; so is what killed test runs left before.
    """
    if why := unavailable():
        pytest.skip(why)
    remove_left_over()
    ours = f"{_PREFIX}-{_owner(os.getpid())}-{time.monotonic_ns():x}"
    switch = f"{ours}-{_SWITCH}"
    hosts = [
        Host(name, f"{_NETWORK}.{number}", f"{ours}-{name}", switch) for number, name in enumerate(names, 1)
    ]
    try:
        _ip("netns", "add", switch)
        _ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge", "up")
        for host in hosts:
            _plug_in(host, switch)
        yield hosts
    finally:
        _remove([host.namespace for host in hosts] + [switch])
        for host in hosts:
            host.forget()


def unavailable() -> str:
    """Why there can be no such hosts here, in a sentence; empty where there can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid():
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "no `ip` here: apt-get install iproute2"
    name = f"{_PREFIX}-{_owner(os.getpid())}-trial"
    try:
        _ip("netns", "add", name)
        _ip("-n", name, "link", "add", "bridge", "type", "bridge")
        _ip("-n", name, "link", "add", "one", "type", "veth", "peer", "name", "two")
    except OSError as error:
        return f"no network namespaces here: {error}"
    finally:
        _remove([name])
    return ""


def remove_left_over() -> None:
    """End and remove what test runs left that were killed themselves."""
    _remove([name for name in _names() if _is_left_over(name)])


def _plug_in(host: Host, switch: str) -> None:
    _ip("netns", "add", host.namespace)
    peer = ("peer", "name", host.name, "netns", switch)
    _ip("-n", host.namespace, "link", "add", _CABLE, "type", "veth", *peer)
    _ip("-n", host.namespace, "address", "add", f"{host.address}/24", "dev", _CABLE)
    for interface in ("lo", _CABLE):
        _ip("-n", host.namespace, "link", "set", interface, "up")
    _ip("-n", switch, "link", "set", host.name, "master", "bridge", "up")


def _ip(*words: str) -> str:
    """What `ip` prints; OSError with its own words where it fails."""
    done = subprocess.run(
        ["ip", *words],  # noqa: S607 - any iproute2 will do
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    if done.returncode:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def _owner(pid: int) -> str:
    """Whose a namespace is: a process, and when it began, since an id may be used again."""
    began = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return f"{pid}-{began}"


def _is_left_over(name: str) -> bool:
    prefix, *words = name.split("-")
    if prefix != _PREFIX or len(words) < 3 or not words[0].isdecimal():
        return False
    try:
        return _owner(int(words[0])) != f"{words[0]}-{words[1]}"
    except (FileNotFoundError, ProcessLookupError):
        return True


def _names() -> list[str]:
    return [line.split()[0] for line in _ip("netns", "list").splitlines() if line.strip()]


def _remove(names: Sequence[str]) -> None:
    """Kill every process in these, and remove them; what is not there is passed over."""
    there = set(names) & set(_names())
    for name in there:
        deadline = time.monotonic() + _PATIENCE_S
        while pids := _ip("netns", "pids", name).split():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
        _ip("netns", "delete", name)
