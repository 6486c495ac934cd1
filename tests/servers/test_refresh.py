"""Refresh tokens: single use, one successor each, and what comes of using a spent one."""

import json
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
from servers.stores.indexed_records import MARGIN_S
from tests.servers.client import JSON, Answer, Client
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


def expired(token: str) -> str:
    """The same token, an hour older."""
    claims, header = says(token), jwt.get_unverified_header(token)
    old = claims | {"iat": claims["iat"] - 3600, "exp": claims["exp"] - 3600}
    return jwt.encode(old, SECRET, algorithm="HS256", headers=header)


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


def with_refresh_token(client: Client, token: object, credential: str) -> Answer:
    """Log out by a refresh token, beside an access token or none."""
    headers = JSON | ({"Authorization": f"Bearer {credential}"} if credential else {})
    return client.send("POST", contract.LOGOUT, json.dumps({"refresh_token": token}).encode(), headers)


@pytest.mark.parametrize("credential", ["none", "expired", "valid"])
@pytest.mark.parametrize("used", [0, 1, 2])
def test_logout_by_the_refresh_token(client: Client, first: str, credential: str, used: int) -> None:
    """Also where the access token has expired or is lost, and with a token that was just spent."""
    token = first
    for _ in range(used):
        token = refresh(client, token).json["refresh_token"]
    tokens = {"none": "", "expired": expired(client.token), "valid": client.token}
    presented = token if used < 2 else first
    answer = with_refresh_token(client, presented, tokens[credential])
    assert (answer.status, answer.body) == (204, b"")
    # One spent before the last is nobody's any more: only a valid access token names its family.
    ended = used < 2 or credential == "valid"
    assert is_refused(refresh(client, token)) == ended


def test_logout_by_what_is_no_refresh_token(client: Client, account: Credentials, first: str) -> None:
    """Ends nothing, and does not tell (RFC 7009 section 2.2); what cannot be one is refused."""
    other = Client(client.port)
    elsewhere = other.log_in(account).json["refresh_token"]
    family, _, secret = first.partition(".")
    for guess in (
        f"{family}.{secret}x",
        f"{family}.",
        f"x{family}.{secret}",
        "x",
        elsewhere.partition(".")[0],
    ):
        assert with_refresh_token(client, guess, "").status == 204
    for malformed in (1, "", None, ["x"]):
        assert with_refresh_token(client, malformed, "").status == 400
    assert client.send("POST", contract.LOGOUT, b"{}", JSON).status == 401
    assert refresh(client, first).status == refresh(other, elsewhere).status == 200


def test_a_login_ends_the_family_whose_token_it_brings(
    client: Client, account: Credentials, first: str
) -> None:
    """As it must where the access token has expired by then."""
    body = {**account._asdict(), "refresh_token": first}
    answer = client.send("POST", contract.AUTHENTICATE, json.dumps(body).encode(), JSON)
    assert is_refused(refresh(client, first))
    assert refresh(client, answer.json["refresh_token"]).status == 200


def test_a_failed_login_ends_no_family(client: Client, account: Credentials, first: str) -> None:
    """The token alone does not log in, nor out by the way."""
    body = {**account._asdict(), "password": "wrong", "refresh_token": first}
    assert client.send("POST", contract.AUTHENTICATE, json.dumps(body).encode(), JSON).status == 401
    assert refresh(client, first).status == 200


def test_a_token_that_is_not_used_expires(store: "redis.Redis", client: Client, first: str) -> None:
    """After thirty minutes without use, and with the login's five hours at the latest (RFC 9700 4.14.2)."""
    key = f"{PREFIX}family:{first.partition('.')[0]}"
    assert contract.IDLE_TIMEOUT_S - 60 < store.ttl(key) <= contract.IDLE_TIMEOUT_S
    store.expire(key, 100)
    second = refresh(client, first).json["refresh_token"]
    assert contract.IDLE_TIMEOUT_S - 60 < store.ttl(key) <= contract.IDLE_TIMEOUT_S
    store.hset(key, "expires", int(time.time()) + 200)
    assert refresh(client, second).status == 200
    assert 100 < store.ttl(key) <= 200


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
    env = {
        "REDIS_URL": store_url,
        "AUTH_SECRET": "another secret of thirty-two bytes",
        "AUTH_SECRET_PREVIOUS": SECRET.decode(),
    }
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
        assert 0 < store.ttl(key) <= contract.ABSOLUTE_TIMEOUT_S + MARGIN_S
