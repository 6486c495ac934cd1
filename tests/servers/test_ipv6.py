"""A server that listens on an IPv6 address: its URL has brackets, wherever it is written."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.client import request_bytes
from servers import contract
from servers.contract import authority
from tests.servers.process import Server


@pytest.fixture
def server(accounts_file: Path, store_url: str, tmp_path: Path) -> Iterator[Server]:
    """The scheme `cookie`, which compares the origin of a login, on ::1."""
    options = ("--host", "::1", "--accounts", str(accounts_file))
    server = Server("cookie", *options, log=tmp_path / "log", env={"REDIS_URL": store_url})
    yield server
    assert server.stop() == 0
    assert server.errors == ""


def test_authority() -> None:
    """Only an IPv6 address has brackets."""
    assert authority("127.0.0.1", 80) == "127.0.0.1:80"
    assert authority("localhost", 80) == "localhost:80"
    assert authority("::1", 8001) == "[::1]:8001"


def test_what_it_prints_can_be_called(server: Server) -> None:
    """The commands to try name the server as curl takes it."""
    assert f"http://[::1]:{server.port}/authenticate" in server.ready["try_it"]
    assert "//::1" not in server.ready["try_it"]


@pytest.mark.parametrize(("origin", "status"), [("[::1]", 200), ("[::2]", 403), ("::1", 403)])
def test_a_page_of_its_own_may_log_in(server: Server, origin: str, status: int) -> None:
    """`Host` and `Origin` both have the brackets, and must be the same."""
    connection = http.client.HTTPConnection("::1", server.port, timeout=20)
    headers = {"Content-Type": "application/json", "Origin": f"http://{origin}:{server.port}"}
    body = json.dumps(contract.EXAMPLE._asdict())
    connection.request("POST", contract.AUTHENTICATE, body, headers)
    assert connection.getresponse().status == status
    connection.close()


def test_the_load_names_its_host() -> None:
    """As does the load generator."""
    assert b"\r\nHost: [::1]:8001\r\n" in request_bytes("GET", "/public", ("::1", 8001), b"")
