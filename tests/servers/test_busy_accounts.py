"""Another program locks the accounts file under a running server."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import accounts, contract
from tests.servers.client import Client
from tests.servers.process import Server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Accounts that no other server has."""
    path = tmp_path / "accounts.sqlite"
    accounts.seed(path, cost="bench")
    return path


@pytest.fixture
def server(file: Path, tmp_path: Path) -> Iterator[Server]:
    """A server of them; what happens leaves nothing in its log."""
    server = Server("token", "--accounts", str(file), log=tmp_path / "log")
    yield server
    assert server.stop() == 0
    assert server.errors == ""


@contextlib.contextmanager
def writing(file: Path) -> Iterator[None]:
    """Hold the lock of a program that writes to the file."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield


def test_a_blocked_write_is_503_and_keeps_no_login_waiting(server: Server, file: Path) -> None:
    """Logins read meanwhile; the write goes through once the lock is gone."""
    writer, reader = Client(server.port), Client(server.port)
    writer.log_in(contract.EXAMPLE)
    ended: list[float] = []
    refused = []

    def write() -> None:
        refused.append(writer.post(contract.EMAIL, {"email": "new@example.com"}))
        ended.append(time.monotonic())

    with writing(file):
        thread = threading.Thread(target=write)
        thread.start()
        statuses = [reader.log_in(contract.EXAMPLE).status for _ in range(3)]
        read_at = time.monotonic()
        thread.join()
    assert statuses == [200] * 3
    assert read_at < ended[0], "the logins waited for the write"
    [answer] = refused
    assert (answer.status, answer.json) == (503, {"error": "accounts_busy"})
    assert answer.headers["Retry-After"]
    assert writer.post(contract.EMAIL, {"email": "new@example.com"}).status == 200
