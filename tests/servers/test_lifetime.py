"""A credential ends when its time is up, whoever keeps it, and says how long that is."""

import time
from collections.abc import Callable, Iterator, Mapping
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from servers import contract, schemes
from servers.contract import Credentials
from tests.servers.client import Client
from tests.servers.conftest import AUTHENTICATING
from tests.servers.process import Server

#: Short, and long enough for somebody to log in and do one thing on a slow machine.
LIFETIME_S = 3

#: Schemes under which an admin can end what was issued.
ENDING = [name for name in AUTHENTICATING if schemes.load(name).ABOUT.promises.block == "at once"]


@pytest.fixture(scope="module")
def short(
    store_url: str, accounts_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Server]]:
    """A server of each scheme whose credentials live for seconds."""
    env = {"REDIS_URL": store_url, "AUTH_LIFETIME_S": str(LIFETIME_S)}
    folder = tmp_path_factory.mktemp("logs")
    options = ("--accounts", str(accounts_file))
    servers = {name: Server(name, *options, log=folder / name, env=env) for name in AUTHENTICATING}
    yield servers
    assert {name: server.stop() for name, server in servers.items()} == dict.fromkeys(servers, 0)
    assert "".join(server.errors for server in servers.values()) == ""


def test_a_credential_ends(short: Mapping[str, Server]) -> None:
    """It says for how long it is good; a client that carries it on regardless is refused for good."""
    clients = {name: Client(server.port) for name, server in short.items()}
    told = {}
    for name, client in clients.items():
        answer = client.log_in(contract.EXAMPLE)
        jar = SimpleCookie(answer.headers.get("Set-Cookie"))
        told[name] = [int(morsel["max-age"]) for morsel in jar.values()] or [answer.json["expires_in"]]
    assert told == {name: [LIFETIME_S] for name in short}
    for name, client in clients.items():
        deadline = time.monotonic() + 20
        while client.get(contract.RESTRICTED).status == 200:
            assert time.monotonic() < deadline, f"{name} never ended"
            time.sleep(0.1)
    assert read(clients) == dict.fromkeys(clients, 401)


def test_what_was_issued_before_it_was_shortened_can_still_be_ended(
    short: Mapping[str, Server], serve: Callable[[str], Server], new_account: Callable[[], Credentials]
) -> None:
    """By servers with a short lifetime, beside ones that issued for hours: at once, and for good."""
    accounts = {name: new_account() for name in ENDING}
    thieves = {name: Client(serve(name).port) for name in ENDING}
    for name, account in accounts.items():
        assert thieves[name].log_in(account).status == 200
        assert Client(short[name].port).log_in(account).status == 200
    time.sleep(LIFETIME_S + 1)
    assert read(thieves) == dict.fromkeys(ENDING, 200)
    for name, account in accounts.items():
        admin = Client(short[name].port)
        assert admin.log_in(contract.EXAMPLE_ADMIN).status == 200
        path = contract.ADMIN_ACCOUNT.format(username=account.username)
        assert admin.post(path, {"revoke": True}).status == 204
    assert read(thieves) == dict.fromkeys(ENDING, 401)
    time.sleep(LIFETIME_S + 1)
    assert read(thieves) == dict.fromkeys(ENDING, 401)


def read(clients: Mapping[str, Client]) -> dict[str, int]:
    """What each is answered."""
    return {name: client.get(contract.RESTRICTED).status for name, client in clients.items()}
