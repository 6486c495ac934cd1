"""What a store refuses makes a server unready, and that is seen before users see it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import contract, schemes
from tests import stores
from tests.servers.client import Client
from tests.servers.process import Server, run_command

#: Each scheme that needs the store.
STORED = [name for name in schemes.names() if schemes.load(name).ABOUT.promises.store != "none"]


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    """What ends with the test."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("scheme", STORED)
def test_a_store_that_refuses(
    scheme: str, stack: contextlib.ExitStack, accounts_file: Path, tmp_path: Path
) -> None:
    """A store that answers, and refuses writes, is no store to log in with."""
    store = stores.Plain(stack, tmp_path, "--requirepass", stores.PASSWORD)
    options = ("--accounts", str(accounts_file))
    server = Server(scheme, *options, log=tmp_path / "log", env={"REDIS_URL": store.url})
    stack.callback(server.stop)
    client, admin = Client(server.port), store.nodes[0].client()
    statuses = []
    for replicas in (0, 1, 0):
        admin.config_set("min-replicas-to-write", replicas)
        statuses.append(client.get(contract.HEALTH).status)
    assert statuses == [200, 503, 200]
    assert list(admin.scan_iter("*check*")) == [], "what it wrote to find out is gone"


@pytest.mark.parametrize("scheme", STORED)
def test_a_server_does_not_start_without(
    scheme: str, stack: contextlib.ExitStack, accounts_file: Path, tmp_path: Path
) -> None:
    """At a store without a command that it needs; it says so in the store's own words."""
    command = schemes.load(scheme).ABOUT.read_command
    needed = command if command in ("GET", "GETEX") else "SET"
    arguments = ("--requirepass", stores.PASSWORD, "--rename-command", needed, "")
    store = stores.Plain(stack, tmp_path, *arguments)
    options = ("--accounts", str(accounts_file), "--password-cost", "bench")
    done = run_command(scheme, "--json", "--port", "0", *options, env={"REDIS_URL": store.url})
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (3, "", 1)
    assert f"unknown command '{needed}'" in done.stderr
    assert stores.PASSWORD not in done.stderr
