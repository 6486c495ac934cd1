"""A credential ends when its time is up, whoever keeps it, and says how long that is."""

import time
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from servers import contract, schemes
from servers.contract import Credentials
from tests.servers.client import Client
from tests.servers.conftest import AUTHENTICATING
from tests.servers.process import Server

LIFETIME_S = 1
#: Short, and long enough for somebody to log in and do one thing on a slow machine.
SHORT_S = 3


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


@pytest.mark.parametrize(
    "scheme", [n for n in AUTHENTICATING if schemes.load(n).ABOUT.promises.block == "at once"]
)
def test_what_was_issued_before_it_was_shortened_can_still_be_ended(
    scheme: str, store_url: str, accounts_file: Path, account: Credentials, tmp_path: Path
) -> None:
    """By servers with a short lifetime, beside ones that issued for hours: at once, and for good."""
    env, options = {"REDIS_URL": store_url}, ("--accounts", str(accounts_file))
    short = env | {"AUTH_LIFETIME_S": str(SHORT_S)}
    longer = Server(scheme, *options, log=tmp_path / "longer", env=env)
    shorter = Server(scheme, *options, log=tmp_path / "shorter", env=short)
    try:
        thief, owner, admin = Client(longer.port), Client(shorter.port), Client(shorter.port)
        assert thief.log_in(account).status == 200
        assert owner.log_in(account).status == 200
        time.sleep(SHORT_S + 1)
        assert admin.log_in(contract.EXAMPLE_ADMIN).status == 200
        path = contract.ADMIN_ACCOUNT.format(username=account.username)
        assert admin.post(path, {"revoke": True}).status == 204
        assert thief.get(contract.RESTRICTED).status == 401
        time.sleep(SHORT_S + 1)
        assert thief.get(contract.RESTRICTED).status == 401
    finally:
        assert (longer.stop(), shorter.stop()) == (0, 0)
