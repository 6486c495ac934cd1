"""Live servers on a live store, one of each for the whole run."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from servers import accounts, contract, schemes
from servers.contract import Credentials
from servers.embedded_store import embedded_store
from tests.servers.client import Client
from tests.servers.process import Server

LOAD_USERS = 4000

#: Schemes that issue something; `anonymous` does not.
AUTHENTICATING = [name for name in schemes.names() if schemes.load(name).ABOUT.transport != "none"]

#: Those before are for tests that name their account.
_next_account = itertools.count(100)


@pytest.fixture(scope="session")
def store_url() -> Iterator[str]:
    """The store that all servers share."""
    with embedded_store() as url:
        yield url


@pytest.fixture(scope="session")
def store(store_url: str) -> Iterator["redis.Redis"]:
    """A connection of our own to that store."""
    with redis.Redis.from_url(store_url, protocol=2) as connection:
        yield connection


@pytest.fixture(scope="session")
def accounts_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The accounts that all servers share."""
    path = tmp_path_factory.mktemp("accounts") / "accounts.sqlite"
    accounts.seed(path, LOAD_USERS, "bench")
    return path


@pytest.fixture(scope="session")
def serve(
    store_url: str, accounts_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Server]]:
    """Returns the one running server of a scheme; none may log an error in the whole run, or a credential."""
    running: dict[str, Server] = {}
    folder = tmp_path_factory.mktemp("logs")

    def get(scheme: str) -> Server:
        if scheme not in running:
            running[scheme] = Server(
                scheme,
                "--accounts",
                str(accounts_file),
                log=folder / scheme,
                env={"REDIS_URL": store_url},
            )
        return running[scheme]

    yield get
    codes = [server.stop() for server in running.values()]
    assert codes == [0] * len(codes)
    assert [server.errors for server in running.values()] == [""] * len(running)
    logged = "".join(server.log.read_text() for server in running.values())
    assert not [secret for secret in (contract.EXAMPLE.password, "correct horse", "eyJ") if secret in logged]


@pytest.fixture(params=schemes.names())
def any_server(request: pytest.FixtureRequest, serve: Callable[[str], Server]) -> Server:
    """The server of each scheme there is."""
    return serve(request.param)


@pytest.fixture(params=AUTHENTICATING)
def server(request: pytest.FixtureRequest, serve: Callable[[str], Server]) -> Server:
    """The server of each scheme that issues credentials."""
    return serve(request.param)


@pytest.fixture
def account() -> Credentials:
    """An account that no other test uses."""
    return contract.load_credentials(next(_next_account))


@pytest.fixture
def client(server: Server) -> Client:
    """A caller of `server` who carries nothing yet."""
    return Client(server.port)


@pytest.fixture
def caller(client: Client, account: Credentials) -> Client:
    """A caller of `server` who is logged in as `account`."""
    assert client.log_in(account).status == 200
    return client


@pytest.fixture
def admin(server: Server) -> Client:
    """A caller of `server` who is logged in as the example admin."""
    client = Client(server.port)
    assert client.log_in(contract.EXAMPLE_ADMIN).status == 200
    return client


@pytest.fixture
def cookie_caller(serve: Callable[[str], Server], account: Credentials) -> Client:
    """A caller of the scheme `cookie` who is logged in as `account`."""
    client = Client(serve("cookie").port)
    assert client.log_in(account).status == 200
    return client


@pytest.fixture(scope="session")
def new_account() -> Callable[[], Credentials]:
    """Returns an account that no other test uses, another one at each call."""
    return lambda: contract.load_credentials(next(_next_account))
