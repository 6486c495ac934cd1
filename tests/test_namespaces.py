"""Hosts on one machine (`tests/namespaces.py`): what other tests believe of them, seen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests import namespaces
from tests.sandbox import ROOT

#: Says where it was reached; the address is known before anybody calls.
_ANSWER = (
    "import socket; s = socket.create_server(('', 7)); print('.', flush=True); s.accept()[0].send(b'hello')"
)
_CALL = "import socket, sys; print(socket.create_connection((sys.argv[1], 7), timeout=1).recv(9).decode())"


def test_hosts_reach_each_other_and_nobody_else() -> None:
    """Until a cable is pulled; afterwards nothing is left, not even a program that nobody ended."""
    with namespaces.joined("one", "two") as (one, two):
        server = two.start(sys.executable, "-c", _ANSWER, stdout=subprocess.PIPE)
        assert server.stdout is not None
        server.stdout.readline()
        assert one.run("ip", "route").stdout.split()[0] == "10.91.7.0/24"  # and no way out
        two.cut_off()
        assert one.run(sys.executable, "-c", _CALL, two.address).returncode
        two.join()
        assert one.run(sys.executable, "-c", _CALL, two.address).stdout == "hello\n"
        idle = one.start("sleep", "1000")
    assert idle.returncode == -signal.SIGKILL
    assert not [name for name in _names() if str(os.getpid()) in name]


def test_what_a_killed_run_left_is_removed() -> None:
    """By the next one; a run that lives keeps its own."""
    if why := namespaces.unavailable():
        pytest.skip(why)
    code = (
        "from tests import namespaces\n"
        "with namespaces.joined('one') as (one,):\n"
        "    one.start('sleep', '1000')\n"
        "    print('.', flush=True)\n"
        "    input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as run:
        assert run.stdout is not None
        run.stdout.readline()
        of_it = [name for name in _names() if f"-{run.pid}-" in name]
        namespaces.remove_left_over()
        assert set(of_it) <= set(_names())
        assert len(of_it) == 2
        run.kill()
    namespaces.remove_left_over()
    assert not set(of_it) & set(_names())


def _names() -> list[str]:
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout  # noqa: S607
    return [line.split()[0] for line in listed.splitlines()]
