"""Attacks on sessions in the store, whatever carries their ids, against live servers.

A scheme that waives a requirement is attacked all the same, and the attack must succeed.
"""

import base64
import contextlib
import hashlib
import json
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
import redis

from servers import contract, schemes
from servers.contract import Credentials
from servers.credentials.scheme import Requirement
from servers.stores.indexed_records import MARGIN_S
from tests.servers.client import JSON, Client
from tests.servers.process import Server

Waived = Callable[[Requirement], bool]
RecordKey = Callable[[Client], bytes]

#: Schemes that keep a record of each session; the others keep none, or only of what was ended.
RECORDED = ["cookie", "cookie-stock", "opaque-bearer", "token-stateful"]


@pytest.fixture(params=RECORDED)
def server(request: pytest.FixtureRequest, serve: Callable[[str], Server]) -> Server:
    """The server of each of them."""
    return serve(request.param)


@pytest.fixture
def waived(server: Server) -> Waived:
    """Returns a function that tells whether the scheme waives a requirement."""
    about = schemes.load(server.scheme).ABOUT
    return lambda requirement: requirement in about.waives


def session_id(caller: Client) -> str:
    """Return the id of the session of a caller: the credential, or what the token says."""
    if not caller.token.count("."):
        return caller.secret
    claims = jwt.decode(caller.token, options={"verify_signature": False})
    return str(claims["jti"])


@pytest.fixture
def prefix(server: Server) -> bytes:
    """What that server's keys in the store begin with."""
    return f"cookies-vs-tokens:{server.scheme}:".encode()


@pytest.fixture
def record_key(prefix: bytes, waived: Waived) -> RecordKey:
    """Returns a function that tells under which key the session of a caller is stored."""

    def key(caller: Client) -> bytes:
        name = session_id(caller).encode()
        if waived("hashed ids"):
            return prefix + b"session_" + name
        return prefix + b"session:" + hashlib.sha256(name).hexdigest().encode()

    return key


def record_at(store: "redis.Redis", key: bytes) -> dict[str, Any]:
    """Return the stored record of a session."""
    stored = store.get(key)
    assert stored is not None
    record: dict[str, Any] = json.loads(stored)
    return record


def test_ids_are_long(caller: Client, waived: Waived) -> None:
    """An id has 128 random bits or more; a random UUID, which stock storage takes, has 122."""
    name = session_id(caller)
    if waived("ids of 128 random bits"):
        assert uuid.UUID(hex=name).version == 4
    else:
        assert len(base64.urlsafe_b64decode(name + "=" * (-len(name) % 4))) >= 16


def test_ids_are_stored_hashed(
    store: "redis.Redis", caller: Client, record_key: RecordKey, waived: Waived
) -> None:
    """Who can read the store finds no id."""
    name = session_id(caller)
    assert store.exists(record_key(caller))
    found = False
    for key in store.scan_iter("*"):
        assert key.startswith(b"cookies-vs-tokens:")
        found = found or name.encode() in key + (store.dump(key) or b"")
    assert found == waived("hashed ids")


def test_an_idle_session_ends(
    store: "redis.Redis", caller: Client, record_key: RecordKey, waived: Waived
) -> None:
    """Each read gives it another thirty minutes; without one it ends."""
    key = record_key(caller)
    if waived("idle timeout"):
        assert store.ttl(key) > contract.IDLE_TIMEOUT_S
        return
    assert store.expire(key, 60)
    assert caller.get(contract.RESTRICTED).status == 200
    assert 60 < store.ttl(key) <= contract.IDLE_TIMEOUT_S
    assert store.pexpire(key, 1)
    time.sleep(0.05)
    assert caller.get(contract.RESTRICTED).status == 401


def test_an_old_session_ends(
    store: "redis.Redis", caller: Client, record_key: RecordKey, waived: Waived
) -> None:
    """After five hours it is over however busy, and its record goes."""
    key = record_key(caller)
    record = record_at(store, key)
    if not waived("absolute timeout"):
        assert record["expires"] - record["created"] == contract.ABSOLUTE_TIMEOUT_S
    now = int(time.time())
    old = {"created": now - contract.ABSOLUTE_TIMEOUT_S - 1, "expires": now - 1}
    store.set(key, json.dumps(record | old), keepttl=True)
    assert caller.get(contract.RESTRICTED).status == 401
    assert bool(store.exists(key)) == waived("absolute timeout")


def test_writes_do_not_prolong(
    store: "redis.Redis", caller: Client, record_key: RecordKey, waived: Waived
) -> None:
    """A write leaves the absolute timeout where it was; aiohttp-session by itself starts it afresh."""
    key = record_key(caller)
    early = record_at(store, key)
    early |= {name: early[name] - 100 for name in ("created", "expires") if name in early}
    store.set(key, json.dumps(early), keepttl=True)
    assert caller.post(contract.EMAIL, {"email": "later@example.com"}).status == 200
    late = record_at(store, key)
    assert late["session"]["email"] == "later@example.com"
    if waived("absolute timeout"):
        assert late["created"] > early["created"]
    else:
        assert (late["created"], late["expires"]) == (early["created"], early["expires"])


def test_the_index_follows(
    store: "redis.Redis",
    server: Server,
    prefix: bytes,
    record_key: RecordKey,
    caller: Client,
    account: Credentials,
) -> None:
    """An account's sessions are indexed while they live, and the index ends with the last that can."""
    if schemes.load(server.scheme).ABOUT.promises.block != "at once":
        pytest.skip("promises nothing that needs an index")
    index = prefix + b"account:" + account.username.encode()
    other = Client(server.port)
    other.log_in(account)
    assert store.zcard(index) == 2
    assert 0 < store.ttl(index) <= contract.ABSOLUTE_TIMEOUT_S + MARGIN_S
    other.post(contract.LOGOUT)
    assert store.zrange(index, 0, -1) == [record_key(caller).rpartition(b":")[2]]
    caller.post(contract.LOGOUT)
    assert store.zcard(index) == 0


@contextlib.contextmanager
def slow_write(store: "redis.Redis", caller: Client) -> Iterator[None]:
    """Begin a write; go on once the server has read the session for it; end it, and see it succeed."""
    body = b'{"email": "slow@example.com"}'
    headers = caller.carried() | JSON | {"Host": "127.0.0.1", "Content-Length": str(len(body))}
    lines = [f"POST {contract.EMAIL} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    before = session_reads(store)
    with socket.create_connection(("127.0.0.1", caller.port), timeout=10) as slow:
        slow.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body[:5])
        while session_reads(store) == before:
            time.sleep(0.01)
        yield
        slow.sendall(body[5:])
        assert slow.recv(4096).startswith(b"HTTP/1.1 200")


def session_reads(store: "redis.Redis") -> int:
    """Return how often a session was read from the store."""
    stats = store.info("commandstats")
    assert isinstance(stats, dict)
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("get", "getex"))


def test_a_slow_request_brings_no_session_back(store: "redis.Redis", caller: Client, waived: Waived) -> None:
    """A write that began before the logout and ends after it leaves the session ended."""
    with slow_write(store, caller):
        thief = caller.thief()
        assert caller.post(contract.LOGOUT).status == 204
        assert thief.get(contract.RESTRICTED).status == 401
    assert thief.get(contract.RESTRICTED).status == (200 if waived("no resurrection") else 401)


def test_a_slow_request_loses_no_write(
    store: "redis.Redis", caller: Client, record_key: RecordKey, waived: Waived
) -> None:
    """What another request wrote to another field, between a request's read and its write, stays."""
    key = record_key(caller)
    with slow_write(store, caller):
        record = record_at(store, key)
        record["session"]["theme"] = "dark"  # as any program that shares the session might
        store.set(key, json.dumps(record), keepttl=True)
    session = record_at(store, key)["session"]
    assert session["email"] == "slow@example.com"
    assert ("theme" not in session) == waived("no lost update")


def test_logout_deletes(store: "redis.Redis", caller: Client, record_key: RecordKey) -> None:
    """The store keeps nothing of a session that logged out."""
    key = record_key(caller)
    assert caller.post(contract.LOGOUT).status == 204
    assert store.get(key) in (None, b"{}")  # the latter by aiohttp-session itself


def test_a_login_replaces_what_it_was_sent_with(caller: Client, account: Credentials, waived: Waived) -> None:
    """Who logs in again, carrying a session, has it end."""
    before = caller.thief()
    assert caller.log_in(account).status == 200
    assert caller.get(contract.RESTRICTED).status == 200
    assert before.get(contract.RESTRICTED).status == (200 if waived("end of the replaced session") else 401)
