"""The store goes away and comes back under a running server."""

import concurrent.futures
import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from servers import contract, schemes
from servers.contract import Credentials
from servers.embedded_store import answers
from tests.servers.client import JSON, Answer, Client
from tests.servers.process import ROOT, Server

NEEDING = [name for name in schemes.names() if schemes.load(name).ABOUT.promises.store == "every request"]
WAIVING = [name for name in NEEDING if "store outage" in schemes.load(name).ABOUT.waives]
STRICT = [name for name in NEEDING if name not in WAIVING]

#: Schemes that keep in the store what was ended, and not what is good.
LISTING_ENDED = ["token-cutoff", "token-denylist"]


def after_loss(server: Server) -> int:
    """Return what a caller is answered once the store has lost everything: out, or in whatever was ended."""
    return 200 if server.scheme in LISTING_ENDED else 401


class Store:
    """A store at a socket that a test may end and start again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.start()

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        command = [
            sys.executable,
            "-m",
            "servers.embedded_store",
            "--socket",
            str(self.path),
            "--end-with-parent",
        ]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not answers(self.path):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def stop(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def one_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The store of all tests here."""
    store = Store(tmp_path_factory.mktemp("s") / "socket")
    yield store
    store.stop()


@pytest.fixture
def own_store(one_store: Store) -> Iterator[Store]:
    """The store, running and empty."""
    with redis.Redis.from_url(f"unix://{one_store.path}", protocol=2) as connection:
        connection.flushall()
    yield one_store
    one_store.process.send_signal(signal.SIGCONT)
    if one_store.process.poll() is not None:
        one_store.start()


def started(scheme: str, store: Store, accounts_file: Path, folder: Path) -> Server:
    """A server on that store."""
    options = ("--accounts", str(accounts_file))
    return Server(scheme, *options, log=folder / "log", env={"REDIS_URL": f"unix://{store.path}"})


@pytest.fixture(scope="module", params=STRICT)
def one_server(
    request: pytest.FixtureRequest,
    one_store: Store,
    accounts_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """The server of a scheme for all tests here; it ends well and logs nothing whatever happens."""
    server = started(request.param, one_store, accounts_file, tmp_path_factory.mktemp("logs"))
    yield server
    assert server.stop() == 0
    assert server.errors == ""


@pytest.fixture
def server(own_store: Store, one_server: Server) -> Server:  # noqa: ARG001 - the store is there first
    """The server of a scheme; it has found the store again that the test before took away."""
    assert Client(one_server.port).get(contract.HEALTH).status == 200
    return one_server


@pytest.fixture
def caller(server: Server) -> Client:
    """Somebody logged in at that server."""
    client = Client(server.port)
    client.log_in(contract.EXAMPLE)
    return client


def is_unavailable(answer: Answer) -> bool:
    """Tell whether an answer is the 503 that asks to come back."""
    return (
        answer.status == 503
        and int(answer.headers["Retry-After"]) > 0
        and answer.json == {"error": "store_unavailable"}
    )


def test_gone_and_back(own_store: Store, server: Server, caller: Client) -> None:
    """While it is gone every route that needs it is 503 and nobody gets in; it serves again by itself."""
    own_store.stop()
    stranger = Client(caller.port)
    assert is_unavailable(caller.get(contract.RESTRICTED))
    assert is_unavailable(caller.get(contract.HEALTH))
    assert is_unavailable(caller.post(contract.EMAIL, {"email": "a@b.c"}))
    assert is_unavailable(caller.post(contract.LOGOUT))
    login = stranger.log_in(contract.EXAMPLE)
    # A login that writes nothing to the store hands out what lets nobody in meanwhile.
    assert is_unavailable(login) or is_unavailable(stranger.get(contract.RESTRICTED))
    assert is_unavailable(login) == (not stranger.secret)
    assert caller.get(contract.PUBLIC).status == 200
    own_store.start()
    assert caller.get(contract.HEALTH).status == 200
    assert caller.get(contract.RESTRICTED).status == after_loss(server)  # it kept nothing
    assert stranger.log_in(contract.EXAMPLE).status == 200
    assert stranger.get(contract.RESTRICTED).status == 200
    assert stranger.post(contract.EMAIL, {"email": "john@doe.com"}).status == 200


def test_gone_where_only_some_requests_need_it(own_store: Store, accounts_file: Path, tmp_path: Path) -> None:
    """With refresh tokens reads go on; logins and refreshes are 503. What it forgot is logged in anew."""
    server = started("token-refresh", own_store, accounts_file, tmp_path)
    try:
        caller, stranger = Client(server.port), Client(server.port)
        grant = {"refresh_token": caller.log_in(contract.EXAMPLE).json["refresh_token"]}
        own_store.stop()
        assert caller.get(contract.RESTRICTED).status == 200
        assert is_unavailable(caller.post(contract.REFRESH, grant))
        assert is_unavailable(caller.get(contract.HEALTH))
        assert is_unavailable(stranger.log_in(contract.EXAMPLE))
        own_store.start()
        answer = caller.post(contract.REFRESH, grant)
        assert (answer.status, answer.json) == (401, {"error": "invalid_grant"})
        assert caller.get(contract.RESTRICTED).status == 200
        assert stranger.log_in(contract.EXAMPLE).status == 200
    finally:
        assert server.stop() == 0
    assert server.errors == ""


@pytest.mark.parametrize("scheme", WAIVING)
def test_gone_where_that_is_waived(
    scheme: str, own_store: Store, accounts_file: Path, tmp_path: Path
) -> None:
    """A scheme that waives this answers 500 and fills its log; nobody gets in there either."""
    server = started(scheme, own_store, accounts_file, tmp_path)
    try:
        client = Client(server.port, described=False)
        client.log_in(contract.EXAMPLE)
        own_store.stop()
        assert client.get(contract.RESTRICTED).status == 500
        assert is_unavailable(client.get(contract.HEALTH))
    finally:
        assert server.stop() == 0
    assert "Traceback" in server.errors


def test_restarted_between_two_requests(own_store: Store, server: Server, caller: Client) -> None:
    """Connections that the store closed meanwhile are replaced before a caller notices."""
    own_store.stop()
    own_store.start()
    assert caller.get(contract.RESTRICTED).status == after_loss(server)


def test_stuck(own_store: Store, caller: Client) -> None:
    """A store that never answers counts as gone within the deadline, and is used when it goes on."""
    os.kill(own_store.process.pid, signal.SIGSTOP)
    assert is_unavailable(caller.get(contract.RESTRICTED))
    os.kill(own_store.process.pid, signal.SIGCONT)
    assert caller.get(contract.RESTRICTED).status == 200


@pytest.mark.parametrize("scheme", STRICT)
def test_requests_in_flight_finish(
    scheme: str, own_store: Store, accounts_file: Path, tmp_path: Path
) -> None:
    """A server that is told to end accepts nobody more, answers what it has begun, and exits 0."""
    server = started(scheme, own_store, accounts_file, tmp_path)
    caller = Client(server.port)
    assert caller.log_in(contract.EXAMPLE).status == 200
    os.kill(own_store.process.pid, signal.SIGSTOP)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as slow:
        lines = [f"{name}: {value}" for name, value in caller.carried().items()]
        slow.sendall("\r\n".join(["GET /api/restricted HTTP/1.1", "Host: a", *lines, "", ""]).encode())
        time.sleep(0.3)  # it waits for the store now
        server.process.terminate()
        refused = False
        while not refused:
            try:
                socket.create_connection(("127.0.0.1", server.port)).close()
            except ConnectionError:  # reset, when it was in the queue
                refused = True
        os.kill(own_store.process.pid, signal.SIGCONT)
        # 503 where this machine took longer to come here than the store may take to answer.
        assert slow.recv(4096).startswith((b"HTTP/1.1 200", b"HTTP/1.1 503"))
    assert server.stop() == 0
    assert server.errors == ""


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (contract.ADMIN_ACCOUNT.format(username="jane.roe"), b'{"disabled": true}'),
        (contract.ADMIN_ACCOUNT.format(username="jane.roe"), b'{"role": "user"}'),
        (contract.PASSWORD, b'{"old": "foobar", "new": "correct horse"}'),
    ],
    ids=["block", "role", "password"],
)
def test_nothing_changes_by_halves(
    own_store: Store, server: Server, accounts_file: Path, path: str, body: bytes
) -> None:
    """A store that goes away in the middle of a change stops it: the answer is 503, and all is as it was."""
    admin = Client(server.port)
    admin.log_in(contract.EXAMPLE_ADMIN)
    command = schemes.load(server.scheme).ABOUT.read_command
    with redis.Redis.from_url(f"unix://{own_store.path}", protocol=2) as connection:
        headers = admin.carried() | JSON | {"Host": "127.0.0.1", "Content-Length": str(len(body))}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        asked = times_asked(connection, command)
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as slow:
            slow.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body[:5])
            while times_asked(connection, command) == asked:  # until the server knows who asks
                time.sleep(0.01)
            before = account_row(accounts_file, contract.EXAMPLE_ADMIN.username)
            own_store.stop()
            slow.sendall(body[5:])
            assert slow.recv(4096).startswith(b"HTTP/1.1 503")
    assert account_row(accounts_file, contract.EXAMPLE_ADMIN.username) == before


def times_asked(connection: "redis.Redis", command: str) -> int:
    """Return how often a command was called in a store since it started."""
    stats = connection.info("commandstats")
    assert isinstance(stats, dict)
    return int(stats.get(f"cmdstat_{command.lower()}", {"calls": 0})["calls"])


def account_row(accounts_file: Path, username: str) -> tuple[object, ...]:
    """Return an account as it is stored."""
    with contextlib.closing(sqlite3.connect(accounts_file)) as db:
        row: tuple[object, ...] = db.execute(
            "SELECT * FROM accounts WHERE username = ?", (username,)
        ).fetchone()
    return row


@pytest.mark.parametrize("one_server", [name for name in STRICT if name not in LISTING_ENDED], indirect=True)
def test_blocked_while_logging_in(
    own_store: Store, server: Server, accounts_file: Path, new_account: Callable[[], Credentials]
) -> None:
    """An account that is blocked while its login waits for the store gets in neither now nor later.

    A login of schemes that keep in the store what was ended does not wait for it.
    """
    for _ in range(3):
        answer = log_in_while_blocked(own_store, server, accounts_file, new_account())
        if answer.status != 503:  # this machine was not slower than the store may be
            break
    assert (answer.status, answer.json) == (401, {"error": "wrong_credentials"})
    with redis.Redis.from_url(f"unix://{own_store.path}", protocol=2) as connection:
        assert not list(connection.scan_iter("*session:*"))


def log_in_while_blocked(
    store: Store, server: Server, accounts_file: Path, credentials: Credentials
) -> Answer:
    """Log in while the store hangs, block the account meanwhile, and let the store go on."""
    os.kill(store.process.pid, signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor() as threads:
        login = threads.submit(Client(server.port).log_in, credentials)
        time.sleep(0.3)  # the password is found right, and the session waits to be stored
        with contextlib.closing(sqlite3.connect(accounts_file)) as db, db:
            block = "UPDATE accounts SET disabled = 1, version = version + 1 WHERE username = ?"
            assert db.execute(block, (credentials.username,)).rowcount == 1
        os.kill(store.process.pid, signal.SIGCONT)
        return login.result()
