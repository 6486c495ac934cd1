"""A credential ends when its time is up, whoever keeps it, and says how long that is."""

import time
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from servers import contract
from tests.servers.client import Client
from tests.servers.conftest import AUTHENTICATING
from tests.servers.process import Server

LIFETIME_S = 1


@pytest.fixture(params=AUTHENTICATING)
def server(
    request: pytest.FixtureRequest, store_url: str, accounts_file: Path, tmp_path: Path
) -> Iterator[Server]:
    """A server whose credentials live for a second."""
    env = {"REDIS_URL": store_url, "AUTH_LIFETIME_S": str(LIFETIME_S)}
    server = Server(request.param, "--accounts", str(accounts_file), log=tmp_path / "log", env=env)
    yield server
    assert server.stop() == 0
    assert server.log.read_text() == ""


def test_a_credential_ends(server: Server) -> None:
    """It says for how long it is good; a client that carries it on regardless is refused for good."""
    client = Client(server.port)
    answer = client.log_in(contract.EXAMPLE)
    jar = SimpleCookie(answer.headers.get("Set-Cookie"))
    told = [int(morsel["max-age"]) for morsel in jar.values()] or [answer.json["expires_in"]]
    assert told == [LIFETIME_S]
    deadline = time.monotonic() + 20
    while client.get(contract.RESTRICTED).status == 200:
        assert time.monotonic() < deadline, "it never ended"
        time.sleep(0.1)
    assert client.get(contract.RESTRICTED).status == 401
