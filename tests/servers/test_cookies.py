"""Attacks on sessions behind a cookie, against live servers.

A scheme that waives a requirement is attacked all the same, and the attack must succeed.
"""

import base64
import contextlib
import hashlib
import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from servers import contract, schemes
from servers.contract import Credentials
from servers.scheme import Requirement
from tests.servers.client import JSON, Answer, Client
from tests.servers.process import Server

Waived = Callable[[Requirement], bool]
RecordKey = Callable[[str], bytes]

COOKIE_SCHEMES = [name for name in schemes.names() if schemes.load(name).ABOUT.transport == "cookie"]


@pytest.fixture(params=COOKIE_SCHEMES)
def server(request: pytest.FixtureRequest, serve: Callable[[str], Server]) -> Server:
    """The server of each scheme that keeps its credential in a cookie."""
    return serve(request.param)


@pytest.fixture
def port(server: Server) -> int:
    """The port of that server."""
    return server.port


@pytest.fixture
def cookie_caller(caller: Client) -> Client:
    """A caller of that server who is logged in."""
    return caller


@pytest.fixture
def name(server: Server) -> str:
    """The name of that server's cookie."""
    return f"{server.scheme}-session"


@pytest.fixture
def waived(server: Server) -> Waived:
    """Returns a function that tells whether the scheme waives a requirement."""
    about = schemes.load(server.scheme).ABOUT
    return lambda requirement: requirement in about.waives


@pytest.fixture
def prefix(server: Server) -> bytes:
    """What that server's keys in the store begin with."""
    return f"cookies-vs-tokens:{server.scheme}:".encode()


@pytest.fixture
def record_key(prefix: bytes, waived: Waived) -> RecordKey:
    """Returns a function that tells under which key a session is stored."""

    def key(session_id: str) -> bytes:
        if waived("hashed ids"):
            return prefix + b"session_" + session_id.encode()
        return prefix + b"session:" + hashlib.sha256(session_id.encode()).hexdigest().encode()

    return key


def log_in(port: int, **headers: str) -> Answer:
    """Log in as the example account with additional headers, as a browser would for a page."""
    body = json.dumps(contract.EXAMPLE._asdict()).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client(port).send("POST", contract.AUTHENTICATE, body, JSON | named)


def record_at(store: "redis.Redis", key: bytes) -> dict[str, Any]:
    """Return the stored record of a session."""
    stored = store.get(key)
    assert stored is not None
    record: dict[str, Any] = json.loads(stored)
    return record


def test_attributes(port: int, name: str) -> None:
    """Scripts cannot read the cookie, other sites cannot send it along, and it covers the whole host."""
    cookie = log_in(port).cookies[name]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert cookie["max-age"] == str(5 * 60 * 60)
    assert not cookie["secure"]
    assert not cookie["domain"]


@pytest.mark.parametrize("scheme", COOKIE_SCHEMES)
def test_attributes_behind_tls(scheme: str, store_url: str, accounts_file: Path, tmp_path: Path) -> None:
    """Behind a TLS proxy the cookie is bound to https and the host, when set and when removed."""
    options = ("--behind-tls", "--accounts", str(accounts_file))
    name = f"__Host-{scheme}-session"
    server = Server(scheme, *options, log=tmp_path / "log", env={"REDIS_URL": store_url})
    try:
        host = f"127.0.0.1:{server.port}"
        assert log_in(server.port, Origin=f"http://{host}").status == 403
        answer = log_in(server.port, Origin=f"https://{host}")
        cookie = answer.cookies[name]
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
        headers = {"Cookie": f"{name}={cookie.value}", contract.CSRF_HEADER: answer.json["csrf_token"]}
        removed = Client(server.port).send("POST", contract.LOGOUT, headers=headers).cookies[name]
        assert (removed.value, removed["path"]) == ("", "/")
        # A browser takes nothing under this name, no removal either, that is not Secure.
        waives = schemes.load(scheme).ABOUT.waives
        assert bool(removed["secure"]) == ("cookie removal under TLS" not in waives)
    finally:
        assert server.stop() == 0


def test_logout_forgets(store: "redis.Redis", cookie_caller: Client, record_key: RecordKey) -> None:
    """The browser is told to forget the cookie, and the store keeps nothing of the session."""
    key = record_key(cookie_caller.secret)
    assert cookie_caller.post(contract.LOGOUT).status == 204
    assert not cookie_caller.cookies
    assert store.get(key) in (None, b"{}")  # the latter by aiohttp-session itself


def test_a_cookie_past_the_limit(
    store_url: str, accounts_file: Path, account: Credentials, tmp_path: Path
) -> None:
    """Not even a right one is looked at that is longer than this server allows."""
    options = ("--accounts", str(accounts_file), "--max-credential-bytes")
    for limit, status in (("32", 200), ("31", 401)):
        server = Server("cookie", *options, limit, log=tmp_path / "log", env={"REDIS_URL": store_url})
        try:
            client = Client(server.port)
            client.log_in(account)
            assert len(client.secret) == 32
            assert client.get(contract.RESTRICTED).status == status
        finally:
            assert server.stop() == 0


@pytest.mark.parametrize("path", [contract.EMAIL, contract.LOGOUT, contract.PASSWORD])
@pytest.mark.parametrize("proof", ["", "0" * 64, "é", "of another session"])
def test_csrf(cookie_caller: Client, port: int, path: str, proof: str) -> None:
    """A page of another site cannot write: it has the cookie sent along, but cannot read the token."""
    if proof == "of another session":
        proof = log_in(port).json["csrf_token"]
    cookie_caller.csrf = proof
    answer = cookie_caller.post(path, {"email": "thief@example.com", "old": "foobar", "new": "correct horse"})
    assert (answer.status, answer.json) == (403, {"error": "csrf"})
    assert cookie_caller.get(contract.RESTRICTED).status == 200


@pytest.mark.parametrize("path", [contract.EMAIL, contract.LOGOUT, contract.PASSWORD])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
def test_csrf_by_form(cookie_caller: Client, path: str, kind: str) -> None:
    """A form of another site, which needs no preflight and no script, writes nothing either."""
    headers = {"Cookie": cookie_caller.carried()["Cookie"], "Content-Type": kind, "Origin": "null"}
    body = b'{"email": "thief@example.com", "x": "="}'
    answer = cookie_caller.send("POST", path, body, headers)
    assert (answer.status, answer.json) == (403, {"error": "csrf"})
    assert cookie_caller.get(contract.RESTRICTED).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "none"},
        {"X-Requested-With": "XMLHttpRequest"},
        {"Origin": "http://127.0.0.1:{port}"},
    ],
)
def test_csrf_whatever_other_headers_say(cookie_caller: Client, headers: dict[str, str]) -> None:
    """Nothing stands in for the token of a session, not even a header that only our own page should send."""
    cookie_caller.csrf = ""
    sent = {name: value.format(port=cookie_caller.port) for name, value in headers.items()}
    body = json.dumps({"email": "thief@example.com"}).encode()
    answer = cookie_caller.send("POST", contract.EMAIL, body, JSON | cookie_caller.carried() | sent)
    assert (answer.status, answer.json) == (403, {"error": "csrf"})


def test_csrf_of_admins(port: int) -> None:
    """Least of all can it have an admin change accounts."""
    admin = Client(port)
    admin.log_in(contract.EXAMPLE_ADMIN)
    admin.csrf = ""
    path = contract.ADMIN_ACCOUNT.format(username="john.doe")
    assert admin.post(path, {"disabled": True}).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:{port}.evil.example"},
        {"Origin": "http://evil.example/http://127.0.0.1:{port}"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_login_csrf(port: int, headers: dict[str, str]) -> None:
    """Another site's page cannot log its visitor in, as whomever it likes."""
    answer = log_in(port, **{name: value.format(port=port) for name, value in headers.items()})
    assert (answer.status, answer.json) == (403, {"error": "csrf"})
    assert not answer.cookies


def test_login_from_our_own_page(port: int) -> None:
    """Our page can, and so can somebody at the address bar or a client that is no browser."""
    assert log_in(port, Origin=f"http://127.0.0.1:{port}", Sec_Fetch_Site="same-origin").status == 200
    assert log_in(port, Sec_Fetch_Site="none").status == 200


def test_fixation_of_an_unknown_id(port: int, name: str, account: Credentials) -> None:
    """An id that an attacker made up and planted is not taken over by the login."""
    victim = Client(port)
    victim.cookies[name] = "planted"
    victim.log_in(account)
    assert victim.cookies[name] != "planted"
    attacker = Client(port)
    attacker.cookies[name] = "planted"
    assert attacker.get(contract.RESTRICTED).status == 401


def test_fixation_of_a_live_id(port: int, cookie_caller: Client, waived: Waived) -> None:
    """An attacker's own session, planted, never becomes the victim's, and ends at the victim's login."""
    attacker = cookie_caller
    victim = Client(port)
    victim.cookies = dict(attacker.cookies)
    victim.log_in(contract.EXAMPLE)
    assert victim.cookies != attacker.cookies
    assert attacker.get(contract.RESTRICTED).status == (200 if waived("end of the replaced session") else 401)
    assert victim.get(contract.RESTRICTED).json["id"] == "123"


@pytest.mark.parametrize("value", ["x" * 4097, "é", "../../etc", '"', "x", "*", "\xff\xfe"])
def test_no_session_at_all(port: int, name: str, value: str) -> None:
    """Whatever cannot be an id is 401, and is not echoed."""
    answer = Client(port).send("GET", contract.RESTRICTED, headers={"Cookie": f"{name}={value}"})
    assert (answer.status, answer.json) == (401, {"error": "not_authenticated"})


def test_ids_are_long(cookie_caller: Client, waived: Waived) -> None:
    """An id has 192 random bits; a random UUID, which stock storage takes, has 122."""
    session_id = cookie_caller.secret
    if waived("ids of 128 random bits"):
        assert uuid.UUID(hex=session_id).version == 4
    else:
        assert len(base64.urlsafe_b64decode(session_id)) == 24


def test_ids_are_stored_hashed(
    store: "redis.Redis", cookie_caller: Client, record_key: RecordKey, waived: Waived
) -> None:
    """Who can read the store finds no id."""
    session_id = cookie_caller.secret
    assert store.exists(record_key(session_id))
    found = False
    for key in store.scan_iter("*"):
        assert key.startswith(b"cookies-vs-tokens:")
        content = store.get(key) if store.type(key) == b"string" else store.zrange(key, 0, -1)
        found = found or session_id in repr((key, content))
    assert found == waived("hashed ids")


def test_an_idle_session_ends(
    store: "redis.Redis", cookie_caller: Client, record_key: RecordKey, waived: Waived
) -> None:
    """Each read gives it another thirty minutes; without one it ends."""
    key = record_key(cookie_caller.secret)
    if waived("idle timeout"):
        assert store.ttl(key) > contract.IDLE_TIMEOUT_S
        return
    assert store.expire(key, 60)
    assert cookie_caller.get(contract.RESTRICTED).status == 200
    assert 60 < store.ttl(key) <= contract.IDLE_TIMEOUT_S
    assert store.pexpire(key, 1)
    time.sleep(0.05)
    assert cookie_caller.get(contract.RESTRICTED).status == 401


def test_an_old_session_ends(
    store: "redis.Redis", cookie_caller: Client, record_key: RecordKey, waived: Waived
) -> None:
    """After five hours it is over however busy, and its record goes."""
    key = record_key(cookie_caller.secret)
    record = record_at(store, key)
    if not waived("absolute timeout"):
        assert record["expires"] - record["created"] == contract.ABSOLUTE_TIMEOUT_S
    now = int(time.time())
    old = {"created": now - contract.ABSOLUTE_TIMEOUT_S - 1, "expires": now - 1}
    store.set(key, json.dumps(record | old), keepttl=True)
    assert cookie_caller.get(contract.RESTRICTED).status == 401
    assert bool(store.exists(key)) == waived("absolute timeout")


def test_writes_do_not_prolong(
    store: "redis.Redis", cookie_caller: Client, record_key: RecordKey, waived: Waived
) -> None:
    """A write leaves the absolute timeout where it was; aiohttp-session by itself starts it afresh."""
    key = record_key(cookie_caller.secret)
    early = record_at(store, key)
    early |= {name: early[name] - 100 for name in ("created", "expires") if name in early}
    store.set(key, json.dumps(early), keepttl=True)
    assert cookie_caller.post(contract.EMAIL, {"email": "later@example.com"}).status == 200
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
    cookie_caller: Client,
    account: Credentials,
) -> None:
    """An account's sessions are indexed while they live, and the index ends with the last that can."""
    if schemes.load(server.scheme).ABOUT.promises.block != "at once":
        pytest.skip("promises nothing that needs an index")
    index = prefix + b"account:" + account.username.encode()
    other = Client(server.port)
    other.log_in(account)
    assert store.zcard(index) == 2
    assert 0 < store.ttl(index) <= contract.ABSOLUTE_TIMEOUT_S
    other.post(contract.LOGOUT)
    assert store.zrange(index, 0, -1) == [record_key(cookie_caller.secret).rpartition(b":")[2]]
    cookie_caller.post(contract.LOGOUT)
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


def test_a_slow_request_brings_no_session_back(
    store: "redis.Redis", cookie_caller: Client, waived: Waived
) -> None:
    """A write that began before the logout and ends after it leaves the session ended."""
    with slow_write(store, cookie_caller):
        thief = cookie_caller.thief()
        assert cookie_caller.post(contract.LOGOUT).status == 204
        assert thief.get(contract.RESTRICTED).status == 401
    assert thief.get(contract.RESTRICTED).status == (200 if waived("no resurrection") else 401)


def test_a_slow_request_loses_no_write(
    store: "redis.Redis", cookie_caller: Client, record_key: RecordKey, waived: Waived
) -> None:
    """What another request wrote to another field, between a request's read and its write, stays."""
    key = record_key(cookie_caller.secret)
    with slow_write(store, cookie_caller):
        record = record_at(store, key)
        record["session"]["theme"] = "dark"  # as any program that shares the session might
        store.set(key, json.dumps(record), keepttl=True)
    session = record_at(store, key)["session"]
    assert session["email"] == "slow@example.com"
    assert ("theme" not in session) == waived("no lost update")


def test_many_writes_and_reads_at_once(cookie_caller: Client) -> None:
    """Requests of one session in parallel all succeed, and the session holds one of the writes."""
    statuses = []

    def work(number: int) -> None:
        for _ in range(5):
            statuses.append(cookie_caller.send("GET", contract.RESTRICTED, headers=carried).status)
            body = json.dumps({"email": f"{number}@example.com"}).encode()
            statuses.append(cookie_caller.send("POST", contract.EMAIL, body, carried | JSON).status)

    carried = cookie_caller.carried()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 80
