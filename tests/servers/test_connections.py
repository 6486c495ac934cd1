"""Connections that send nothing, too little, or are too many."""

import contextlib
import json
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import contract
from servers.process.serving import RESERVED_FILES
from tests.servers.client import Client
from tests.servers.process import ROOT, Server, environment, errors_in

LIMIT = 20


@pytest.fixture(params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, accounts_file: Path, tmp_path: Path) -> Iterator[Server]:
    """A server with few connections, on each event loop."""
    options = ("--accounts", str(accounts_file), "--max-connections", str(LIMIT), "--loop", request.param)
    server = Server("token", *options, log=tmp_path / "log")
    yield server
    assert server.stop() == 0
    assert server.errors == ""


def connected(
    server: Server, stack: contextlib.ExitStack, count: int, sent: bytes = b""
) -> list[socket.socket]:
    """Open connections, and send the beginning of a request on each."""
    connections = [
        stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
        for _ in range(count)
    ]
    for connection in connections:
        connection.sendall(sent)
    return connections


def refused_with(connection: socket.socket) -> tuple[str, object]:
    """Return status line and body of what a connection is told before it is closed."""
    text = b"".join(iter(lambda: connection.recv(4096), b""))
    head, _, body = text.decode().partition("\r\n\r\n")
    assert {"Server: aiohttp", "X-Content-Type-Options: nosniff", "Retry-After: 1"} <= set(head.splitlines())
    return head.splitlines()[0], json.loads(body)


def test_too_many_are_503(server: Server) -> None:
    """Past the limit a connection is told so at once; when there is room again, the next one is served."""
    with contextlib.ExitStack() as stack:
        held = connected(server, stack, LIMIT)
        deadline = time.monotonic() + 3  # before the idle ones are closed
        while True:  # the held ones may still be on their way to being accepted
            (one,) = connected(server, stack, 1, b"GET /public HTTP/1.1\r\nHost: a\r\n\r\n")
            one.settimeout(0.5)
            with contextlib.suppress(TimeoutError):
                assert refused_with(one) == ("HTTP/1.1 503 Service Unavailable", {"error": "overloaded"})
                break
            assert time.monotonic() < deadline
        held.pop().close()
    assert answered_in_time(server.port)
    events = [event["event"] for event in server.events()]
    assert events == ["connections refused"], "once, however many there are"


def answered_in_time(port: int) -> bool:
    """Whether a stranger is answered once there is room again."""
    for _ in range(400):
        with contextlib.suppress(OSError):
            if Client(port, described=False).get(contract.PUBLIC).status == 200:
                return True
        time.sleep(0.05)
    return False


def test_who_sends_too_little_is_closed(server: Server) -> None:
    """A connection that sends nothing, or half a header, holds its place for seconds; a served one longer."""
    request = b"GET /public HTTP/1.1\r\nHost: a\r\n\r\n"
    with contextlib.ExitStack() as stack:
        served, *halves = connected(server, stack, 9, request)
        for one in (served, *halves):
            assert one.recv(4096).startswith(b"HTTP/1.1 200")
            if one is not served:
                one.sendall(request[:9])  # at once: the server may not wait for it yet
        slow = [*halves, *connected(server, stack, 5), *connected(server, stack, 5, request[:-4])]
        assert [one.recv(1) for one in slow] == [b""] * len(slow), "closed by the server"
        served.sendall(request)
        assert served.recv(4096).startswith(b"HTTP/1.1 200")


def test_few_open_files(accounts_file: Path, tmp_path: Path) -> None:
    """Where the system allows few open files, so many connections fit: a flood of idle ones fills no log."""
    words = ["token", "--json", "--port", "0", "--loop", "asyncio", "--accounts", str(accounts_file)]
    command = shlex.join([sys.executable, "-m", "servers", *words, "--password-cost", "bench"])
    log = tmp_path / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"ulimit -n {RESERVED_FILES + 2 * LIMIT}; exec {command}"],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        with contextlib.ExitStack() as stack:
            for _ in range(8 * LIMIT):
                stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            assert answered_in_time(port)
    finally:
        process.terminate()
        assert process.wait(15) == 0
        if process.stdout:
            process.stdout.close()
    assert errors_in(log) == ""
    assert log.read_text().count("connections refused") == 1
