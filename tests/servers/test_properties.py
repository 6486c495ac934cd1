"""Whatever comes in where a credential, a body or a field should be: refused, never 500, never echoed.

Hypothesis makes it. The live servers' logs are empty at the end of the run too (see the fixture `serve`).
"""

import base64
import json
import socket
import string
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt.utils import base64url_decode

from servers import contract, signing_keys
from servers.contract import Credentials
from servers.credentials import tokens
from servers.credentials.identity import Identity
from servers.errors import UsageError
from servers.http.responses import encode
from servers.settings import MIN_DISTINCT_BYTES, MIN_SECRET_BYTES, parse_secret
from tests.servers.client import JSON, Answer, Client
from tests.servers.process import Server

SECRET = b"0123456789abcdef0123456789abcdef"
TOKENS = tokens.Tokens(signing_keys.shared([SECRET]), "token")
GOOD = TOKENS.sign(TOKENS.claims(Identity("123", "John", "Doe", "john@doe.com", "user")))

#: The same examples in every run; a server's answer takes as long as the machine wants.
LIVE = settings(
    derandomize=True,
    max_examples=30,
    # A fixture here is a server, or a caller of it.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PARSING = settings(LIVE, max_examples=100)

#: What a header may hold as HTTP has it, and then some: no line ends, since the client sends none.
HEADERS = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\x00"), max_size=200)

WORDS = st.text(string.ascii_letters + string.digits + "-._~+/=\"',; ", max_size=200)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)

#: The only bodies that a refusal may have, so none says what came in.
REFUSALS = [
    encode({"error": code})
    for code in (
        "bad_request",
        "invalid_token",
        "not_authenticated",
        "wrong_credentials",
        "csrf",
        "too_many_failures",
        "unknown_account",
    )
] + [b"400: Bad Request"]


@pytest.fixture
def token_client(serve: Callable[[str], Server]) -> Client:
    """A caller of the scheme `token` who carries nothing."""
    return Client(serve("token").port)


@pytest.fixture
def cookie_client(serve: Callable[[str], Server]) -> Client:
    """A caller of the scheme `cookie` who carries nothing."""
    return Client(serve("cookie").port)


def refused(answer: Answer, *statuses: int) -> None:
    """Check that an answer refuses, and says nothing of what it refuses."""
    assert answer.status in (statuses or (400, 401))
    assert answer.body in REFUSALS
    assert "Set-Cookie" not in answer.headers


def encoded(value: object) -> str:
    """Return one part of a token, as JSON has `value`."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


HEADER = jwt.get_unverified_header(GOOD)
CLAIMS = TOKENS.verify(GOOD)


def spoilt(good: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return strategies for objects that are `good` but for one field, at most."""
    return st.builds(
        lambda name, value: good | {name: value}, st.sampled_from([*good, "nbf", "crit"]), VALUES
    )


PARTS = st.one_of(
    WORDS,
    spoilt(HEADER).map(encoded),
    spoilt(CLAIMS).map(encoded),
    VALUES.map(encoded),
    st.integers(1, 1500).map(lambda depth: base64.urlsafe_b64encode(b"[" * depth).decode().rstrip("=")),
    st.binary(max_size=40).map(lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("=")),
    st.sampled_from(GOOD.split(".")),
)

#: Texts that resemble a token more or less.
LOOKALIKES = st.lists(PARTS, min_size=1, max_size=4).map(".".join).filter(lambda text: text != GOOD)


@PARSING
@given(LOOKALIKES)
def test_lookalikes_of_tokens(text: str) -> None:
    """What is no token is an invalid one, and no other error."""
    with pytest.raises(tokens.InvalidTokenError):
        TOKENS.verify(text)


@PARSING
@given(spoilt(HEADER), spoilt(CLAIMS))
def test_signed_nonsense(header: dict[str, Any], claims: dict[str, Any]) -> None:
    """Signed by whoever has the key, a token passes with claims of the right form only, or is invalid."""
    signing_input = f"{encoded(header)}.{encoded(claims)}"
    signature = jwt.get_algorithm_by_name("HS256").sign(signing_input.encode(), SECRET)
    token = f"{signing_input}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
    try:
        verified = TOKENS.verify(token)
    except tokens.InvalidTokenError:
        return
    assert verified.keys() >= CLAIMS.keys()


def test_any_byte_of_a_token() -> None:
    """A token with any byte changed is refused, unless it still spells the same signature and so is the same.

    (The last character of 32 bytes in base64 has two bits that say nothing.)
    """
    *signed, signature = GOOD.split(".")
    for position, character in enumerate(GOOD):
        flipped = [chr(ord(character) ^ 1 << bit) for bit in range(8)]
        for other in [*flipped, *"\x00!=.é"]:
            text = GOOD[:position] + other + GOOD[position + 1 :]
            try:
                TOKENS.verify(text)
            except tokens.InvalidTokenError:
                continue
            assert text.split(".")[:-1] == signed
            assert base64url_decode(text.split(".")[-1]) == base64url_decode(signature)


SHORT = (
    "The secret in a test is shorter than 32 bytes; make a good one with "
    '`python -c "import secrets; print(secrets.token_urlsafe(32))"`.'
)

GUESSABLE = SHORT.replace(
    "is shorter than 32 bytes", "has fewer than 8 different characters, so it can be guessed"
)


@PARSING
@given(st.binary(max_size=80) | WORDS.map(str.encode) | st.binary(min_size=24).map(base64.urlsafe_b64encode))
def test_secrets(text: bytes) -> None:
    """A secret is one of enough bytes, as it stands or decoded, or is refused by a message silent on it."""
    if len(text.strip()) < MIN_SECRET_BYTES or len(set(text.strip())) < MIN_DISTINCT_BYTES:
        with pytest.raises(UsageError) as refusal:
            parse_secret(text, "a test")
        assert str(refusal.value) in (SHORT, GUESSABLE)
    else:
        secret = parse_secret(text, "a test")
        assert len(secret) >= MIN_SECRET_BYTES
        assert secret in (text.strip(), base64.urlsafe_b64decode(text.strip().rstrip(b"=") + b"=="))


KINDS = st.sampled_from(["", "Bearer ", "bearer  ", "BEARER\t", "Basic ", "Bearer Bearer "])


@LIVE
@given(st.builds(str.__add__, KINDS, HEADERS | LOOKALIKES | st.just("x" * 4097)))
def test_authorization(token_client: Client, value: str) -> None:
    """No Authorization header lets anybody in but a token of ours."""
    refused(token_client.send("GET", contract.RESTRICTED, headers={"Authorization": value}))


@LIVE
@given(HEADERS | (HEADERS | WORDS | st.just("x" * 4097)).map(lambda text: f"cookie-session={text}"))
def test_cookies(cookie_client: Client, value: str) -> None:
    """No cookie lets anybody in but one of a session that there is."""
    refused(cookie_client.send("GET", contract.RESTRICTED, headers={"Cookie": value}))


@LIVE
@given(st.data())
def test_csrf_tokens(cookie_caller: Client, data: st.DataObject) -> None:
    """Nothing that resembles the session's CSRF token does in its place."""
    good = cookie_caller.csrf
    resembling = st.one_of(
        st.integers(0, len(good) - 2).map(lambda length: good[:length]),
        st.integers(0, len(good) - 2).map(
            lambda at: good[:at] + ("0" if good[at] != "0" else "1") + good[at + 1 :]
        ),
        st.sampled_from([good.upper(), good.title(), good + good, f"{good},{good}", f'"{good}"', good[::-1]]),
    )
    value = data.draw(HEADERS | resembling)
    answer = cookie_caller.send(
        "POST",
        contract.EMAIL,
        b'{"email": "thief@example.com"}',
        cookie_caller.carried() | JSON | {contract.CSRF_HEADER: value},
    )
    refused(answer, 403, 400)


BODIES = VALUES.map(json.dumps).map(str.encode) | st.binary(max_size=60)


@LIVE
@given(st.sampled_from([contract.AUTHENTICATE, contract.EMAIL, contract.PASSWORD]), BODIES)
def test_bodies(caller: Client, path: str, body: bytes) -> None:
    """No body but the one asked for gets further than a 400."""
    refused(caller.send("POST", path, body, caller.carried() | JSON), 400)


@LIVE
@given(st.sampled_from(["username", "password"]), VALUES)
def test_fields_of_a_login(client: Client, account: Credentials, name: str, value: object) -> None:
    """One field that is right lets nobody in, whatever the other is."""
    body = json.dumps(account._asdict() | {name: value}).encode()
    refused(client.send("POST", contract.AUTHENTICATE, body, JSON), 400, 401, 429)


EMAILS = st.text(max_size=20) | st.builds("{}@{}".format, st.text(max_size=8), st.text(max_size=8))


@LIVE
@given(EMAILS | VALUES | WORDS.map(lambda text: f"{text * 3}@example.com"))
def test_emails(caller: Client, value: object) -> None:
    """An address is taken as it is, or refused."""
    body = json.dumps({"email": value}).encode()
    answer = caller.send("POST", contract.EMAIL, body, caller.carried() | JSON)
    if answer.status == 200:
        assert answer.json["profile"]["email"] == value
        assert isinstance(value, str)
        name, _, domain = value.rpartition("@")
        assert name
        assert domain
        assert value.isprintable()
    else:
        refused(answer, 400)


@LIVE
@given(
    st.sampled_from(["role", "disabled", "revoke", "id"]),
    VALUES | st.sampled_from(["Admin", "user ", "admin\x00"]),
)
def test_account_changes(admin: Client, account: Credentials, name: str, value: object) -> None:
    """No role is given but one that there is, and a flag is a boolean."""
    path = contract.ADMIN_ACCOUNT.format(username=account.username)
    answer = admin.send("POST", path, json.dumps({name: value}).encode(), admin.carried() | JSON)
    if answer.status == 204:
        assert name in ("disabled", "revoke")
        assert isinstance(value, bool)
    else:
        refused(answer, 400)


#: Braces are in no username, and elsewhere mean another path.
NAMES = st.characters(codec="utf-8", exclude_characters="{}")


@LIVE
@given(
    st.binary(min_size=1, max_size=20).filter(lambda name: not set(name) & set(b"{}")).map(quote)
    | st.text(NAMES, min_size=1, max_size=20).map(quote)
)
def test_usernames(admin: Client, username: str) -> None:
    """No account but its own is found under a name, however that is spelt."""
    spelt = username.replace("/", "%2F").replace(".", "%2E")
    path = contract.ADMIN_ACCOUNT.format(username=spelt)
    refused(admin.send("POST", path, b'{"revoke": true}', admin.carried() | JSON), 400, 404)


@LIVE
@given(st.binary(max_size=60))
def test_requests_that_are_none(cookie_client: Client, text: bytes) -> None:
    """What is no HTTP is 400 at most, and is not quoted."""
    with socket.create_connection(("127.0.0.1", cookie_client.port), timeout=20) as connection:
        connection.sendall(b"GET " + text + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    assert not answer or answer.split(b" ")[1] in (b"400", b"404", b"405", b"505")
