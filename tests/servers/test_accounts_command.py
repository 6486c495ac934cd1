"""The command that creates accounts files: whose password is public, and whose is not."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from servers.contract import Credentials
from tests.servers.client import Client
from tests.servers.process import ROOT, Server


def run(path: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command with a line of standard input."""
    command = [sys.executable, "-m", "servers.accounts", "--file", str(path), *arguments]
    return subprocess.run(command, cwd=ROOT, input=said, capture_output=True, text=True, check=False)


def usernames(path: Path) -> list[str]:
    """Return whose accounts are in a file."""
    with sqlite3.connect(path) as db:
        return [name for (name,) in db.execute("SELECT username FROM accounts ORDER BY rowid")]


def test_own_accounts_are_alone(tmp_path: Path) -> None:
    """A file of one's own has no account with a public password, and its accounts can log in."""
    path = tmp_path / "accounts.sqlite"
    for name, role in (("ann", "admin"), ("bob", "user")):
        done = run(path, "--add", name, "--role", role, "--password-cost", "bench", said="correct horse\n")
        assert (done.returncode, done.stderr) == (0, "")
    assert usernames(path) == ["ann", "bob"]
    assert path.stat().st_mode & 0o077 == 0
    server = Server("token", "--accounts", str(path), log=tmp_path / "log")
    try:
        client = Client(server.port)
        assert client.log_in(Credentials("ann", "correct horse")).status == 200
        assert client.get("/api/admin").status == 200
        assert Client(server.port).log_in(Credentials("john.doe", "foobar")).status == 401
    finally:
        assert server.stop() == 0


@pytest.mark.parametrize("password", ["short", "", "trustno1", "Password"])
def test_weak_passwords_are_refused(tmp_path: Path, password: str) -> None:
    """They are refused here as at the route, and no file is made."""
    done = run(tmp_path / "accounts.sqlite", "--add", "ann", said=f"{password}\n")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert not list(tmp_path.iterdir())
    assert not password or f" {password} " not in done.stderr


def test_a_name_that_is_taken(tmp_path: Path) -> None:
    """It is said, and nothing changes."""
    path = tmp_path / "accounts.sqlite"
    assert run(path, "--add", "ann", "--password-cost", "bench", said="correct horse\n").returncode == 0
    done = run(path, "--add", "ann", "--password-cost", "bench", said="another horse\n")
    assert (done.returncode, done.stderr) == (3, f"{path} has an account 'ann' already.\n")
    assert usernames(path) == ["ann"]


def test_public_accounts_are_asked_for(tmp_path: Path) -> None:
    """Without a word of what to create nothing is."""
    path = tmp_path / "accounts.sqlite"
    done = run(path)
    assert done.returncode == 2
    assert all(option in done.stderr for option in ("--add", "--example", "--load-users"))
    assert not path.exists()
    assert run(path, "--example", "--password-cost", "bench").returncode == 0
    assert usernames(path) == ["john.doe", "jane.roe"]
