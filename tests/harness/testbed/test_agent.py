"""The agent: what it reads is what is so, and it reads nothing for whoever has not the secret."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from harness.errors import EnvironmentFailedError, SuiteError
from harness.protocol import json_lines
from harness.protocol.seal import ForgedError, Seal
from harness.suites import external
from harness.testbed.agent import client, messages
from harness.testbed.agent import server as command
from harness.testbed.meters import ProcessMeter
from tests.sandbox import ROOT

SECRET = "a secret of the tests, and of nobody else"
#: Listens, starts a child that works, and says so.
_SERVER = """
import os, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    sum(range(3_000_000))
    os.write(1, b"%d\\n" % listener.getsockname()[1])
sys.stdin.read()
"""


@contextmanager
def _agent() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """An agent of this machine, and its address."""
    with subprocess.Popen(
        [sys.executable, str(ROOT / "bench.py"), "remote", "agent", "--bind", "127.0.0.1:0"],
        env=os.environ | {"COOKIES_VS_TOKENS_SECRET": SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[4].rstrip(";"), process
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def agent() -> Iterator[str]:
    """Where one answers."""
    with _agent() as (address, _):
        yield address


@pytest.fixture
def server() -> Iterator[tuple[int, int]]:
    """Process id and port of a server of two processes."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.pid, int(process.stdout.readline())
        process.stdin.close()


def _line(address: str) -> client.AgentConnection:
    return client.AgentConnection(address, SECRET)


def test_it_reads_what_is_so(agent: str, server: tuple[int, int]) -> None:
    """The same processes, CPU time and memory as whoever looks at them by their id; they idle meanwhile."""
    pid, port = server
    here = ProcessMeter(pid)
    with closing(_line(agent)) as line:
        meter = client.AgentMeter(line, port)
        assert meter.meet() == here.meet()
        assert len(here.members) == 2
        assert meter.cpu().on_ns == here.cpu().on_ns > 10_000_000
        assert meter.resident_bytes() == here.resident_bytes() > 1_000_000
        assert line.about["cores"] == os.cpu_count()


def test_who_has_another_secret_is_told_nothing(agent: str) -> None:
    """On either side: no answer is believed, and none is given."""
    with pytest.raises(EnvironmentFailedError, match="has a different secret"):
        client.AgentConnection(agent, "another secret, as long as the first one")
    with closing(socket.create_connection(external.HostPort.parse(agent))) as connection:
        connection.sendall(json_lines.line({"nonce": "00" * 32}).encode() + b'0 {"ask": "who"}\n')
        assert b"host" not in connection.makefile("rb").read()


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"x" * 100_000,
        json_lines.line({"nonce": "00"}).encode(),
        json_lines.line({"nonce": 1}).encode(),
        b"\xff\n",
    ],
)
def test_who_speaks_otherwise_is_turned_away(agent: str, said: bytes) -> None:
    """And the others are served as before."""
    with closing(socket.create_connection(external.HostPort.parse(agent))) as connection:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: _received(connection), b""))
    assert b"host" not in answer
    _line(agent).close()


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(4096)
    except ConnectionResetError:  # it hung up before all was read
        return b""


def test_nothing_else_can_be_asked(agent: str, server: tuple[int, int]) -> None:
    """Neither a process by its id, nor a port that was not met, nor one that nothing listens on."""
    with closing(_line(agent)) as line:
        for what, port, answer in [
            ("environment", server[1], "needs a request `meet` first"),
            ("cpu", server[1], "needs a request `meet` first"),
            ("cpu", None, "expected a port"),
            ("meet", 70_000, "expected a port"),
            ("meet", 1, "nothing listens on port 1"),
            ("cpu", 1, "needs a request `meet` first"),
        ]:
            with pytest.raises(EnvironmentFailedError, match=answer):
                line.request(what, port)
        line.request("meet", server[1])
        with pytest.raises(EnvironmentFailedError, match="expected who, meet, cpu or memory"):
            line.request("stop", server[1])


def test_only_so_many_connections(agent: str) -> None:
    """One more is told why, and the next may come when one has gone."""
    lines = [_line(agent) for _ in range(16)]
    with pytest.raises(EnvironmentFailedError, match="16 connections are open already"):
        _line(agent)
    for one in lines:
        one.close()
    _line(agent).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
def test_what_it_may_not_read_it_refuses(server: tuple[int, int]) -> None:
    """An agent of another user names whose the server is."""
    code = (
        f"import os, sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from harness.testbed.agent.meter import PortMeter, UnreadableError\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try:\n    PortMeter(int(sys.argv[1])).meet()\n"
        "except UnreadableError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(server[1])], capture_output=True, text=True, timeout=60, check=True
    )
    assert f"the server on port {server[1]} belongs to root" in done.stdout


def test_an_agent_that_is_gone_is_named(server: tuple[int, int]) -> None:
    """As an environment that failed; the agent itself ends by SIGTERM, with a connection open."""
    with _agent() as (address, process), closing(_line(address)) as line:
        meter = client.AgentMeter(line, server[1])
        meter.meet()
        process.terminate()
        assert process.wait(timeout=20) == 130
        with pytest.raises(EnvironmentFailedError, match=f"agent at {address} no longer responds"):
            meter.cpu()


def test_no_secret_no_agent() -> None:
    """Nor one that could be guessed; it is not shown."""
    with pytest.raises(SuiteError, match="share a secret: set COOKIES_VS_TOKENS_SECRET"):
        command.run("127.0.0.1:0", {}, print)
    with pytest.raises(SuiteError, match="characters or more") as caught:
        command.run("127.0.0.1:0", {"COOKIES_VS_TOKENS_SECRET": "hunter2"}, print)
    assert "hunter2" not in str(caught.value)


def _seals(run_nonce: str = "r" * 32) -> tuple[Seal, Seal]:
    nonces = (messages.SESSION, "a" * 32, run_nonce)
    return Seal("secret", "agent", "run", *nonces), Seal("secret", "run", "agent", *nonces)


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[1].replace(b"2", b"3"),  # changed
        lambda lines: lines[0],  # repeated
        lambda lines: lines[2],  # one left out
    ],
    ids=["changed", "repeated", "left out"],
)
def test_a_line_that_was_tampered_with_is_not_believed(change: Callable[[list[bytes]], bytes]) -> None:
    """Whoever sits between the two has not the secret."""
    agent, run = _seals()
    lines = [agent.line({"bytes": number}) for number in (1, 2, 3)]
    assert run.open_line(lines[0]) == {"bytes": 1}
    with pytest.raises(ForgedError):
        run.open_line(change(lines))


def test_a_line_sent_back_is_not_believed() -> None:
    """An agent's own line is no run's request."""
    agent, _ = _seals()
    with pytest.raises(ForgedError):
        agent.open_line(agent.line({"ask": "who"}))


def test_another_connection_has_another_key() -> None:
    """What was sealed for one is nothing on the next, whose nonces differ."""
    agent, _ = _seals()
    _, other_run = _seals("R" * 32)
    with pytest.raises(ForgedError):
        other_run.open_line(agent.line({"bytes": 1}))
