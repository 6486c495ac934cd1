"""What each scheme declares, held to it: that a credential ends where it says so, and lives on where not."""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from servers import contract, schemes
from servers.contract import Credentials
from servers.credentials.scheme import Promises
from servers.stores.store import CHECK_S
from tests.servers.client import Client
from tests.servers.process import Server

GONE = 401


@pytest.fixture
def promises(server: Server) -> Promises:
    """What the scheme of `server` promises."""
    return schemes.load(server.scheme).ABOUT.promises


@pytest.fixture
def change(admin: Client, account: Credentials) -> Callable[[object], None]:
    """Returns a function by which the admin changes `account`."""

    def post(what: object) -> None:
        assert admin.post(contract.ADMIN_ACCOUNT.format(username=account.username), what).status == 204

    return post


def test_logout(promises: Promises, caller: Client) -> None:
    """A replayed credential is refused after logout exactly where that is promised."""
    thief = caller.thief()
    assert caller.post(contract.LOGOUT).status == 204
    replayed = thief.get(contract.RESTRICTED).status
    assert replayed == (GONE if promises.logout == "at once" else 200)


def test_logout_of_one_leaves_the_others(server: Server, caller: Client, account: Credentials) -> None:
    """Somebody logged in twice stays logged in on the other device."""
    other = Client(server.port)
    other.log_in(account)
    caller.post(contract.LOGOUT)
    assert other.get(contract.RESTRICTED).status == 200


def test_role_given(
    promises: Promises, client: Client, caller: Client, account: Credentials, change: Callable[[object], None]
) -> None:
    """A new role never works without a new login's fresh credential, and does with it."""
    old = caller.thief()
    change({"role": "admin"})
    # At once means that the credential from before the change is gone; otherwise it stays what it was.
    assert old.get(contract.ADMIN).status == (GONE if promises.role_change == "at once" else 403)
    client.log_in(account)
    assert client.secret != old.secret
    assert client.get(contract.ADMIN).status == 200


def test_role_taken(
    promises: Promises, client: Client, account: Credentials, change: Callable[[object], None]
) -> None:
    """Who is admin no longer is kept out at once exactly where promised, else at the next login."""
    change({"role": "admin"})
    client.log_in(account)
    change({"role": "user"})
    stale = client.get(contract.ADMIN).status
    assert stale == (GONE if promises.role_change == "at once" else 200)
    client.log_in(account)
    assert client.get(contract.ADMIN).status == 403


def test_block(
    promises: Promises, caller: Client, account: Credentials, change: Callable[[object], None]
) -> None:
    """A blocked account's credential is refused at once exactly where promised; it never logs in again."""
    change({"disabled": True})
    assert caller.get(contract.RESTRICTED).status == (GONE if promises.block == "at once" else 200)
    assert caller.log_in(account).status == 401


def test_blocked_accounts_write_nothing(caller: Client, change: Callable[[object], None]) -> None:
    """Whatever its credential is still good for: routes that read the account see the block."""
    change({"disabled": True})
    assert caller.post(contract.EMAIL, {"email": "a@b.c"}).status == 401
    assert caller.post(contract.PASSWORD, {"old": "foobar", "new": "correct horse"}).status == 401


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "user"}, {"disabled": True, "role": "user"}])
def test_who_is_no_admin_any_more_changes_no_rights(
    client: Client,
    admin: Client,
    account: Credentials,
    new_account: Callable[[], Credentials],
    change: dict[str, object],
) -> None:
    """Whatever the old credential still reads: neither back to admin, nor anybody else's account."""
    path = contract.ADMIN_ACCOUNT.format(username=account.username)
    admin.post(path, {"role": "admin"})
    client.log_in(account)
    admin.post(path, change)
    other = contract.ADMIN_ACCOUNT.format(username=new_account().username)
    for target in (path, other):
        for what in ({"disabled": False, "role": "admin"}, {"revoke": True}):
            assert client.post(target, what).status in (401, 403)
    again = Client(client.port)
    again.log_in(account)
    assert again.get(contract.ADMIN).status in (401, 403)


def test_a_write_gives_no_role(caller: Client, account: Credentials, accounts_file: Path) -> None:
    """A credential that outlives a change of role, by another program, does not pick it up by the way."""
    with contextlib.closing(sqlite3.connect(accounts_file)) as db, db:
        sql = "UPDATE accounts SET role = 'admin' WHERE username = ?"
        assert db.execute(sql, (account.username,)).rowcount == 1
    for email in ("a@b.c", "d@e.f"):
        assert caller.post(contract.EMAIL, {"email": email}).status == 200
        assert caller.get(contract.ADMIN).status == 403
    caller.log_in(account)
    assert caller.get(contract.ADMIN).status == 200


def test_password_change(server: Server, promises: Promises, caller: Client, account: Credentials) -> None:
    """A thief is locked out by a password change at once exactly where that is promised."""
    other = Client(server.port)
    other.log_in(account)
    thief = caller.thief()
    caller.post(contract.PASSWORD, {"old": account.password, "new": "correct horse"})
    expected = GONE if promises.password_change == "at once" else 200
    assert [c.get(contract.RESTRICTED).status for c in (other, thief)] == [expected, expected]


def test_revoke(
    server: Server,
    promises: Promises,
    caller: Client,
    account: Credentials,
    change: Callable[[object], None],
) -> None:
    """All credentials of an account end, where a block would end them, and nobody else's."""
    other, bystander = Client(server.port), Client(server.port)
    other.log_in(account)
    bystander.log_in(contract.EXAMPLE)
    change({"revoke": True})
    expected = GONE if promises.block == "at once" else 200
    assert [c.get(contract.RESTRICTED).status for c in (caller, other)] == [expected, expected]
    assert bystander.get(contract.RESTRICTED).status == 200
    assert caller.log_in(account).status == 200


def test_accounts_are_read_where_that_is_promised(
    promises: Promises, caller: Client, account: Credentials, accounts_file: Path
) -> None:
    """Remove an account behind the server's back: a read is refused exactly where each one looks it up."""
    with contextlib.closing(sqlite3.connect(accounts_file)) as db, db:
        assert db.execute("DELETE FROM accounts WHERE username = ?", (account.username,)).rowcount == 1
    looked_up = promises.database == "every request"
    assert caller.get(contract.RESTRICTED).status == (GONE if looked_up else 200)
    assert caller.post(contract.EMAIL, {"email": "a@b.c"}).status == GONE
    assert caller.log_in(account).status == GONE


def commands(store: "redis.Redis") -> dict[str, int]:
    """Return how often each command was called in the store since it started."""
    stats = store.info("commandstats")
    assert isinstance(stats, dict)
    own = ("cmdstat_info", "cmdstat_client", "cmdstat_hello", "cmdstat_auth", "cmdstat_select")
    return {name: s["calls"] for name, s in stats.items() if not name.startswith(own)}


def test_store_commands_of_a_read(
    store: "redis.Redis", server: Server, promises: Promises, caller: Client
) -> None:
    """A restricted read asks the store once where it is needed on every request, else never.

    That one command is the declared one. GETEX slides the idle timeout of a session as well.
    """
    caller.get(contract.RESTRICTED)
    before = commands(store)
    for _ in range(5):
        caller.get(contract.RESTRICTED)
    after = commands(store)
    spent = {name: calls - before.get(name, 0) for name, calls in after.items()}
    used = {name: calls for name, calls in spent.items() if calls}
    command = schemes.load(server.scheme).ABOUT.read_command
    assert used == ({f"cmdstat_{command.lower()}": 5} if promises.store == "every request" else {})


def test_without_a_store_where_none_is_promised(
    promises: Promises, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A scheme that promises to need no store starts and serves where there is none."""
    if promises.store != "none":
        pytest.skip("needs a store")
    log = tmp_path_factory.mktemp("alone") / "log"
    alone = Server(server.scheme, log=log, env={"REDIS_URL": "redis://127.0.0.1:1"})
    try:
        client = Client(alone.port)
        assert client.log_in(contract.EXAMPLE).status == 200
        assert client.get(contract.RESTRICTED).status == 200
    finally:
        assert alone.stop() == 0


def test_idle_timeout(store: "redis.Redis", server: Server, promises: Promises, caller: Client) -> None:
    """What expires when it is not used is declared, and where nothing does that is, too."""
    keys = store.scan_iter(f"cookies-vs-tokens:{server.scheme}:*")
    lives = [store.ttl(key) for key in keys if b":account:" not in key and b":check:" not in key]
    expires_idle = any(CHECK_S < seconds <= contract.IDLE_TIMEOUT_S for seconds in lives)
    assert expires_idle == (promises.idle_timeout != "none")
    assert caller.get(contract.RESTRICTED).status == 200
    kinds = {
        "cookie": "credential",
        "token-refresh": "refresh token",
        "token": "none",
        "token-denylist": "none",
    }
    assert kinds.get(server.scheme, promises.idle_timeout) == promises.idle_timeout
