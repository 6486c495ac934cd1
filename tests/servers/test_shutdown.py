"""A server is told to end while it is busy."""

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from servers import contract
from tests.servers.client import JSON, Client
from tests.servers.process import Server

#: How a server ends depends on no scheme, but what it has to close does.
TWINS = ["cookie", "token"]

BODY = json.dumps(contract.EXAMPLE._asdict()).encode()
HEAD = (
    f"POST {contract.AUTHENTICATE} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(BODY)}\r\n\r\n"
).encode()


@pytest.fixture(params=TWINS)
def server(
    request: pytest.FixtureRequest, store_url: str, accounts_file: Path, tmp_path: Path
) -> Iterator[Server]:
    """A server to be ended by the test; whatever happens, it ends well and logs nothing."""
    options = ("--accounts", str(accounts_file))
    server = Server(request.param, *options, log=tmp_path / "log", env={"REDIS_URL": store_url})
    yield server
    assert server.stop() == 0
    assert server.errors == ""


@contextlib.contextmanager
def upload(server: Server) -> Iterator[socket.socket]:
    """Send half a login, and be sure that a handler waits for the rest."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(HEAD + BODY[:7])
        assert Client(server.port).get(contract.PUBLIC).status == 200  # later than what was sent before
        yield connection


def end(server: Server) -> None:
    """Tell a server to end, and wait until it takes nobody more."""
    server.process.terminate()
    while True:
        try:
            socket.create_connection(("127.0.0.1", server.port)).close()
        except ConnectionError:
            return
        time.sleep(0.01)


def test_a_body_on_its_way_is_read(server: Server) -> None:
    """What has begun to arrive when the server is told to end is read and answered."""
    with upload(server) as connection:
        end(server)
        time.sleep(0.1)
        connection.sendall(BODY[7:])
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"profile"' in answer


def test_idle_connections_keep_nobody(server: Server) -> None:
    """A connection that is kept open, and one that was never used, are closed."""
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=20) as unused,
        socket.create_connection(("127.0.0.1", server.port), timeout=20) as idle,
    ):
        idle.sendall(f"GET {contract.PUBLIC} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert idle.recv(4096).startswith(b"HTTP/1.1 200")
        assert server.stop() == 0
        assert (unused.recv(1), idle.recv(1)) == (b"", b"")


def test_who_hangs_up_leaves_no_trace(server: Server) -> None:
    """Hanging up in the middle of a body fills no log, and the server goes on."""
    with upload(server):
        pass
    assert Client(server.port).log_in(contract.EXAMPLE).status == 200


@pytest.mark.slow
def test_a_body_that_never_comes_keeps_nobody(server: Server) -> None:
    """Whoever sends half a body and waits is hung up on, and the server ends."""
    with upload(server) as connection:
        assert server.stop() == 0
        assert connection.recv(4096) == b""


def test_a_body_that_does_not_come_keeps_no_credential_alive(serve: Callable[[str], Server]) -> None:
    """A request that waits for its body is over after five seconds, however good its credential was."""
    caller = Client(serve("token").port)
    caller.log_in(contract.EXAMPLE)
    headers = caller.carried() | JSON | {"Host": "127.0.0.1", "Content-Length": "30"}
    lines = [f"POST {contract.EMAIL} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    with socket.create_connection(("127.0.0.1", caller.port), timeout=20) as slow:
        slow.sendall("\r\n".join(lines).encode() + b'\r\n\r\n{"em')
        assert slow.recv(4096).startswith(b"HTTP/1.1 408 ")
