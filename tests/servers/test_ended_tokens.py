"""What the store keeps of tokens that were ended before their time, by a list and by a cut-off."""

import time
from collections.abc import Callable

import jwt
import pytest
import redis

from servers import contract
from servers.contract import Credentials
from servers.stores.indexed_records import MARGIN_S
from tests.servers.client import Client
from tests.servers.process import Server

DENYLIST = "cookies-vs-tokens:token-denylist:"
CUTOFF = "cookies-vs-tokens:token-cutoff:"


@pytest.fixture
def log_in(serve: Callable[[str], Server], account: Credentials) -> Callable[[str], Client]:
    """Returns a function that gives a caller of a scheme who is logged in as `account`."""

    def get(scheme: str) -> Client:
        client = Client(serve(scheme).port)
        assert client.log_in(account).status == 200
        return client

    return get


def test_the_list_names_a_token_by_its_id_as_long_as_it_would_live(
    store: "redis.Redis", log_in: Callable[[str], Client], account: Credentials
) -> None:
    """Not the token itself, so that who can read the store finds nothing to replay; and no longer."""
    caller = log_in("token-denylist")
    claims = jwt.decode(caller.token, options={"verify_signature": False})
    ended, index = f"{DENYLIST}ended:{claims['jti']}", f"{DENYLIST}account:{account.username}"
    assert not store.exists(ended)
    assert store.zrange(index, 0, -1, withscores=True) == [(claims["jti"].encode(), claims["exp"] + MARGIN_S)]
    assert 0 < store.ttl(index) <= contract.ABSOLUTE_TIMEOUT_S + MARGIN_S
    assert caller.post(contract.LOGOUT).status == 204
    assert abs(store.ttl(ended) - (claims["exp"] + MARGIN_S - time.time())) < 2
    assert not store.exists(index)
    signature = caller.token.rpartition(".")[2].encode()
    assert not any(signature in key + (store.dump(key) or b"") for key in store.scan_iter("*"))


def test_a_login_puts_the_token_it_was_sent_with_on_the_list(
    log_in: Callable[[str], Client], account: Credentials
) -> None:
    """Who logs in again, carrying a token, has it end."""
    caller = log_in("token-denylist")
    before = caller.thief()
    caller.log_in(account)
    assert (before.get(contract.RESTRICTED).status, caller.get(contract.RESTRICTED).status) == (401, 200)


def test_a_cutoff_tells_tokens_apart_within_a_second(
    store: "redis.Redis", log_in: Callable[[str], Client], account: Credentials
) -> None:
    """Issued before it, in the same second: ended; issued after it, in the same second: good."""
    caller = log_in("token-cutoff")
    before = caller.thief()
    change = {"old": account.password, "new": "correct horse"}
    answer = caller.post(contract.PASSWORD, change)
    fresh = dict(item.split("=", 1) for item in answer.headers["Authentication-Info"].split(", "))
    caller.token = fresh["token"].strip('"')
    cutoff = float(store.get(f"{CUTOFF}cutoff:{account.username}") or 0)
    old, new = (
        jwt.decode(client.token, options={"verify_signature": False})["iat"] for client in (before, caller)
    )
    assert old < cutoff < new
    assert new - old < 60
    assert (before.get(contract.RESTRICTED).status, caller.get(contract.RESTRICTED).status) == (401, 200)
    assert 0 < store.ttl(f"{CUTOFF}cutoff:{account.username}") <= contract.ABSOLUTE_TIMEOUT_S + MARGIN_S


def test_at_the_cutoff_itself_a_token_is_ended(
    store: "redis.Redis", log_in: Callable[[str], Client], account: Credentials
) -> None:
    """The same microsecond counts as before: nobody gets in who may not."""
    caller = log_in("token-cutoff")
    issued_at = jwt.decode(caller.token, options={"verify_signature": False})["iat"]
    for cutoff, status in ((issued_at - 0.000001, 200), (issued_at, 401), (issued_at + 0.000001, 401)):
        store.set(f"{CUTOFF}cutoff:{account.username}", f"{cutoff:.6f}", ex=60)
        assert caller.get(contract.RESTRICTED).status == status


@pytest.mark.parametrize("scheme", ["token-denylist", "token-cutoff"])
def test_a_store_that_lost_its_memory_readmits_the_ended(
    store: "redis.Redis", log_in: Callable[[str], Client], account: Credentials, scheme: str
) -> None:
    """What either way costs, and a session does not: the store must persist what was ended."""
    caller = log_in(scheme)
    boss = Client(caller.port)
    boss.log_in(contract.EXAMPLE_ADMIN)
    boss.post(contract.ADMIN_ACCOUNT.format(username=account.username), {"revoke": True})
    assert caller.get(contract.RESTRICTED).status == 401
    for key in store.scan_iter(f"cookies-vs-tokens:{scheme}:*"):
        store.delete(key)
    assert caller.get(contract.RESTRICTED).status == 200
