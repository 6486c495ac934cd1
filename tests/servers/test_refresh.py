"""Refresh tokens: single use, one successor each, and what comes of using a spent one."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
import redis

from servers import contract
from servers.contract import Credentials
from servers.stores import refresh_families
from tests.servers.client import Answer, Client
from tests.servers.process import SECRET, Server

PREFIX = "cookies-vs-tokens:token-refresh:"


@pytest.fixture
def server(serve: Callable[[str], Server]) -> Server:
    """The server of the scheme that has them."""
    return serve("token-refresh")


@pytest.fixture
def first(client: Client, account: Credentials) -> str:
    """The refresh token of a login."""
    return str(client.log_in(account).json["refresh_token"])


def refresh(client: Client, token: str) -> Answer:
    """Ask for a new pair."""
    return client.post(contract.REFRESH, {"refresh_token": token})


def says(token: str) -> dict[str, Any]:
    """Return the claims of a token."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def is_refused(answer: Answer) -> bool:
    """Tell whether an answer calls the grant invalid."""
    return (answer.status, answer.json) == (401, {"error": "invalid_grant"})


def outlast_grace(store: "redis.Redis", token: str) -> None:
    """Have the last use of a family be longer ago than a repetition may be."""
    key = f"{PREFIX}family:{token.partition('.')[0]}"
    spent_at = int(store.hget(key, "spent_at") or 0)
    assert abs(spent_at - time.time() * 1000) < 60_000
    store.hset(key, "spent_at", spent_at - refresh_families.GRACE_MS - 1)


def test_rotation(client: Client, first: str) -> None:
    """Each use gives a token that works and the next refresh token."""
    token = first
    seen = {token}
    for _ in range(3):
        answer = refresh(client, token)
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 300)
        client.token = answer.json["token"]
        assert client.get(contract.RESTRICTED).status == 200
        token = answer.json["refresh_token"]
        assert token not in seen
        seen.add(token)


def test_a_retry_gets_the_same_successor(client: Client, first: str) -> None:
    """A client whose answer was lost asks again, and is where it would have been."""
    successors = {refresh(client, first).json["refresh_token"] for _ in range(3)}
    assert len(successors) == 1
    assert refresh(client, successors.pop()).status == 200


def test_many_at_once_get_one_successor(client: Client, first: str) -> None:
    """Tabs that refresh at the same time neither log their user out nor fork the family."""
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda: answers.append(refresh(client, first))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [200] * 8
    successors = {answer.json["refresh_token"] for answer in answers}
    assert len(successors) == 1
    assert refresh(client, successors.pop()).status == 200


def test_a_spent_token_whose_successor_was_used_ends_the_family(client: Client, first: str) -> None:
    """Whoever uses it, thief or victim: one of the two is not who the login was for."""
    second = refresh(client, first).json["refresh_token"]
    third = refresh(client, second).json["refresh_token"]
    assert is_refused(refresh(client, first))
    assert is_refused(refresh(client, third))


def test_a_spent_token_is_no_good_after_the_grace(store: "redis.Redis", client: Client, first: str) -> None:
    """Even while its successor is unused; and the family ends with the attempt."""
    second = refresh(client, first).json["refresh_token"]
    outlast_grace(store, first)
    assert is_refused(refresh(client, first))
    assert is_refused(refresh(client, second))


def test_the_window_that_is_left(store: "redis.Redis", client: Client, first: str) -> None:
    """A quick thief gets the victim's successor; whoever comes second then ends the family for both."""
    stolen = refresh(client, first).json["refresh_token"]  # by the thief
    kept = refresh(client, first).json["refresh_token"]  # by the victim, within the grace
    assert stolen == kept
    assert refresh(client, stolen).status == 200
    outlast_grace(store, first)
    assert is_refused(refresh(client, kept))


def test_what_changed_comes_with_the_next_token(client: Client, first: str) -> None:
    """A token says what was so when it was issued; the one that a refresh gives, what is so by then."""
    assert client.post(contract.EMAIL, {"email": "new@example.com"}).status == 200
    assert client.get(contract.RESTRICTED).status == 200
    assert says(client.token)["email"] != "new@example.com"
    assert says(refresh(client, first).json["token"])["email"] == "new@example.com"


def test_rights_come_and_go_with_the_next_token(
    client: Client, admin: Client, account: Credentials, first: str
) -> None:
    """A role given or taken is in no token of before, and in the refreshed one; nobody is logged out."""
    path = contract.ADMIN_ACCOUNT.format(username=account.username)
    token = first
    for role, before, after in (("admin", 403, 200), ("user", 200, 403)):
        admin.post(path, {"role": role})
        assert client.get(contract.ADMIN).status == before
        pair = refresh(client, token).json
        client.token, token = pair["token"], pair["refresh_token"]
        assert client.get(contract.ADMIN).status == after


def test_a_blocked_account_gets_no_further(
    client: Client, admin: Client, account: Credentials, first: str
) -> None:
    """Its access token lives out its five minutes at most, and no other follows."""
    path = contract.ADMIN_ACCOUNT.format(username=account.username)
    assert admin.post(path, {"disabled": True}).status == 204
    assert client.get(contract.RESTRICTED).status == 200
    assert is_refused(refresh(client, first))
    claims = says(client.token)
    assert claims["exp"] - claims["iat"] == 300


def test_logout_ends_one_family(client: Client, account: Credentials, first: str) -> None:
    """And no other login of the same account."""
    other = Client(client.port)
    elsewhere = other.log_in(account).json["refresh_token"]
    assert client.post(contract.LOGOUT).status == 204
    assert is_refused(refresh(client, first))
    assert refresh(other, elsewhere).status == 200


def test_a_login_replaces_the_family_it_was_sent_with(
    client: Client, account: Credentials, first: str
) -> None:
    """Who logs in again, carrying a token, has its family end."""
    client.log_in(account)
    assert is_refused(refresh(client, first))


def test_a_password_change_ends_families(client: Client, account: Credentials, first: str) -> None:
    """But for the one that its answer begins."""
    answer = client.post(contract.PASSWORD, {"old": account.password, "new": "correct horse"})
    fresh = dict(item.split("=", 1) for item in answer.headers["Authentication-Info"].split(", "))
    assert is_refused(refresh(client, first))
    assert refresh(client, fresh["refresh_token"].strip('"')).status == 200


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "x", lambda t: t.partition(".")[0]])
def test_a_made_up_secret_ends_the_family(client: Client, first: str, change: Callable[[str], str]) -> None:
    """A guess at a family that there is counts as a spent token of it: nothing tells the two apart."""
    assert is_refused(refresh(client, change(first)))
    assert is_refused(refresh(client, first))


def test_a_made_up_family_ends_none(client: Client, first: str) -> None:
    """Who does not know its name can do it nothing."""
    family, _, secret = first.partition(".")
    other = "y" if family.startswith("x") else "x"
    for guess in (f"{other}{family[1:]}.{secret}", f"{family}x.{secret}", f".{secret}"):
        assert is_refused(refresh(client, guess))
    assert refresh(client, first).status == 200


def test_a_retry_under_another_secret_ends_nothing(
    client: Client, first: str, store_url: str, accounts_file: Path, tmp_path: Path
) -> None:
    """A server with a new secret cannot repeat the answer of the old one; the login lives on."""
    second = refresh(client, first).json["refresh_token"]
    env = {"REDIS_URL": store_url, "AUTH_SECRET": "n" * 40, "AUTH_SECRET_PREVIOUS": SECRET.decode()}
    other = Server("token-refresh", "--accounts", str(accounts_file), log=tmp_path / "log", env=env)
    try:
        assert is_refused(refresh(Client(other.port), first))
        assert refresh(Client(other.port), second).status == 200
    finally:
        assert other.stop() == 0


def test_a_lifetime_of_ones_own(store_url: str, accounts_file: Path, tmp_path: Path) -> None:
    """A token lives as long as the server was told, and says so; its successor does too."""
    env = {"REDIS_URL": store_url, "AUTH_LIFETIME_S": "7"}
    server = Server("token-refresh", "--accounts", str(accounts_file), log=tmp_path / "log", env=env)
    try:
        client = Client(server.port)
        issued = client.log_in(contract.EXAMPLE).json
        renewed = refresh(client, issued["refresh_token"]).json
        for pair in (issued, renewed):
            claims = jwt.decode(pair["token"], options={"verify_signature": False})
            assert (pair["expires_in"], claims["exp"] - claims["iat"]) == (7, 7)
    finally:
        assert server.stop() == 0


def test_within_the_grace_a_thief_goes_unnoticed(client: Client, first: str) -> None:
    """The window that is left: who is as quick as the client shares its login, until one comes too late."""
    pairs = [refresh(client, first).json["refresh_token"] for _ in ("client", "thief")]
    again = {refresh(client, pair).json["refresh_token"] for pair in pairs}
    assert len(again) == 1


def test_nothing_in_the_store_can_be_used(store: "redis.Redis", client: Client, first: str) -> None:
    """Neither the token nor its successor is to be read there."""
    second = refresh(client, first).json["refresh_token"]
    for token in (first, second):
        secret = token.partition(".")[2].encode()
        assert len(secret) >= 32
        for key in store.scan_iter("*"):
            assert secret not in key + (store.dump(key) or b"")


def test_families_end_with_the_login(
    store: "redis.Redis", client: Client, account: Credentials, first: str
) -> None:
    """Five hours after it, however often they were used; and the index of the account with them."""
    refresh(client, first)
    for key in (f"{PREFIX}family:{first.partition('.')[0]}", f"{PREFIX}account:{account.username}"):
        assert 0 < store.ttl(key) <= contract.ABSOLUTE_TIMEOUT_S
