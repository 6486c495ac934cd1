"""Every route of the contract, for every scheme."""

import json

import pytest

from servers import contract, schemes
from servers.contract import Credentials
from servers.http.responses import encode
from tests.servers.client import JSON, Client
from tests.servers.process import Server

UNSAFE_ROUTES = [
    contract.EMAIL,
    contract.LOGOUT,
    contract.PASSWORD,
    contract.ADMIN_ACCOUNT.format(username="john.doe"),
]
WRONG = {"error": "wrong_credentials"}


def challenge(server: Server) -> str:
    """Return the WWW-Authenticate that asks for the scheme's kind of credential."""
    return 'Cookie realm="api"' if transport(server) == "cookie" else 'Bearer realm="api"'


def transport(server: Server) -> str:
    """Return how the scheme's credentials travel."""
    return schemes.load(server.scheme).ABOUT.transport


def test_everybody_can_read_public(any_server: Server) -> None:
    """The public route answers without a credential."""
    answer = Client(any_server.port).get(contract.PUBLIC)
    assert answer.status == 200
    assert set(answer.json) == {"name", "id"}


def test_public_is_as_long_as_the_typical_restricted_answer(server: Server) -> None:
    """The floor differs from a restricted read by the authentication, not by what is sent."""
    client = Client(server.port)
    client.log_in(contract.load_credentials(42))
    assert len(client.get(contract.PUBLIC).body) == len(client.get(contract.RESTRICTED).body)


def test_healthy_while_the_scheme_can_serve(any_server: Server) -> None:
    """The health check answers 200."""
    assert Client(any_server.port).get(contract.HEALTH).status == 200


def test_everybody_can_log_in(any_server: Server) -> None:
    """A login answers the article's profile, under no-store, whatever it issues."""
    answer = Client(any_server.port).log_in(contract.EXAMPLE)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["profile"].keys() == {"first_name", "last_name", "email", "id"}
    assert answer.json["profile"]["id"] == "123"


def test_login_issues_what_the_transport_carries(server: Server, caller: Client) -> None:
    """A cookie transport sets a cookie and tells the CSRF token; a bearer one tells a token."""
    if transport(server) == "cookie":
        assert caller.cookies
        assert caller.csrf
    else:
        assert not caller.cookies
        assert caller.token


def test_bearer_login_says_type_and_lifetime(server: Server, client: Client) -> None:
    """The fields are those of RFC 6750 section 4."""
    answer = client.log_in(contract.EXAMPLE).json
    if "token" in answer:
        lifetime = schemes.load(server.scheme).ABOUT.lifetime_s
        assert (answer["token_type"], answer["expires_in"]) == ("Bearer", lifetime)
    assert ("token" in answer) == (transport(server) == "bearer")


def test_restricted_names_its_caller(caller: Client, account: Credentials) -> None:
    """The restricted route answers first name and id of the caller, and issues nothing."""
    answer = caller.get(contract.RESTRICTED)
    assert answer.status == 200
    assert answer.json == {"name": "Robin", "id": account.username}
    assert "Set-Cookie" not in answer.headers


def test_restricted_asks_for_a_credential(any_server: Server) -> None:
    """Without one it answers 401, asks for the scheme's kind, and calls nothing invalid."""
    answer = Client(any_server.port).get(contract.RESTRICTED)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == challenge(any_server)


@pytest.mark.parametrize("path", UNSAFE_ROUTES)
def test_writes_ask_for_a_credential(any_server: Server, path: str) -> None:
    """No route that changes something is open."""
    assert Client(any_server.port).post(path, {"email": "a@b.c"}).status == 401


@pytest.mark.parametrize("path", [contract.CSRF, contract.ADMIN])
def test_reads_ask_for_a_credential(server: Server, path: str) -> None:
    """No route that tells something is open, not even one that the scheme does not have."""
    answer = Client(server.port).get(path)
    assert answer.status == 401


def test_wrong_password(any_server: Server) -> None:
    """A wrong password is 401, asks for the scheme's kind of credential, and calls no token invalid."""
    answer = Client(any_server.port).log_in(Credentials("john.doe", "wrong"))
    assert (answer.status, answer.json) == (401, WRONG)
    assert answer.headers["WWW-Authenticate"] == challenge(any_server)
    assert "Set-Cookie" not in answer.headers


def test_a_login_that_fails_tells_not_why(client: Client, admin: Client, account: Credentials) -> None:
    """Unknown account, disabled account and wrong password get the same answer, byte for byte."""
    path = contract.ADMIN_ACCOUNT.format(username=account.username)
    assert admin.post(path, {"disabled": True}).status == 204
    attempts = [Credentials("nobody", "foobar"), account, Credentials("john.doe", "wrong")]
    answers = [client.log_in(attempt) for attempt in attempts]
    assert {(answer.status, answer.body) for answer in answers} == {(401, encode(WRONG))}
    assert len({tuple(sorted(answer.headers.keys())) for answer in answers}) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        json.dumps(contract.EXAMPLE._asdict()).encode("utf-16"),
        json.dumps(contract.EXAMPLE._asdict()).encode("utf-32-le"),
        b"\xef\xbb\xbf" + json.dumps(contract.EXAMPLE._asdict()).encode(),
        b"[" * 4000,
        b"{}",
        b'{"username": "john.doe"}',
        b'{"username": 1, "password": 2}',
        b'{"username": "", "password": "x"}',
        b'{"username": "\\ud800", "password": "x"}',
        b'{"username": "john.doe", "password": ["foobar"]}',
    ],
)
def test_a_body_that_is_not_the_json_asked_for(any_server: Server, body: bytes) -> None:
    """It is 400, never 500."""
    answer = Client(any_server.port).send("POST", contract.AUTHENTICATE, body, JSON)
    assert (answer.status, answer.json) == (400, {"error": "bad_request"})


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
def test_a_login_that_a_form_could_send(any_server: Server, content_type: str | None) -> None:
    """JSON under a content type that forms of other sites can send is 415."""
    headers = {"Content-Type": content_type} if content_type else {}
    body = json.dumps(contract.EXAMPLE._asdict()).encode()
    answer = Client(any_server.port).send("POST", contract.AUTHENTICATE, body, headers)
    assert answer.status == 415


def test_a_body_past_the_limit(any_server: Server) -> None:
    """It is 413, from the first byte on; a body as long as the limit is read."""
    client, login = Client(any_server.port), json.dumps(contract.EXAMPLE._asdict()).encode()
    for length, status in ((4096, 200), (4097, 413), (8192, 413)):
        assert client.send("POST", contract.AUTHENTICATE, login.ljust(length), JSON).status == status


def test_email_changes(caller: Client) -> None:
    """A write answers the new profile, and a later login sees it too."""
    answer = caller.post(contract.EMAIL, {"email": "new@example.com"})
    assert (answer.status, answer.json["profile"]["email"]) == (200, "new@example.com")
    assert caller.get(contract.RESTRICTED).status == 200


def test_the_longest_email_still_fits_a_credential(
    server: Server, caller: Client, account: Credentials
) -> None:
    """Of characters that JSON spells in twelve; one octet more is refused."""
    longest = "\U0001f600" * 62 + "a@b.de"
    assert len(longest.encode()) == 254
    assert caller.post(contract.EMAIL, {"email": f"a{longest}"}).status == 400
    assert caller.post(contract.EMAIL, {"email": longest}).status == 200
    assert Client(server.port).log_in(account).status == 200
    again = Client(server.port)
    again.log_in(account)
    assert again.get(contract.RESTRICTED).status == 200


@pytest.mark.parametrize("email", ["", "nobody", "@", "a@", "@b", "a@b\n", None, 1, "x" * 250 + "@b.de"])
def test_email_must_be_one(caller: Client, email: object) -> None:
    """What cannot be an address is 400."""
    assert caller.post(contract.EMAIL, {"email": email}).status == 400


def test_csrf_route(server: Server, caller: Client) -> None:
    """Cookie transports answer the token that the login told; bearer ones have no such route."""
    answer = caller.get(contract.CSRF)
    if transport(server) == "cookie":
        assert (answer.status, answer.json) == (200, {"csrf_token": caller.csrf})
        assert answer.headers["Cache-Control"] == "no-store"
    else:
        assert answer.status == 404


def test_refresh_where_it_is_offered(any_server: Server) -> None:
    """A made-up refresh token is an invalid grant where there are any, and 404 where there are none."""
    answer = Client(any_server.port).post(contract.REFRESH, {"refresh_token": "x"})
    offered = any_server.scheme == "token-refresh"
    assert (answer.status, answer.json) == (
        (401, {"error": "invalid_grant"}) if offered else (404, {"error": "not_offered"})
    )


def test_admin_route_is_for_admins(server: Server, admin: Client, caller: Client) -> None:
    """An admin gets in; a valid caller without the role gets 403, with insufficient_scope for bearers."""
    assert admin.get(contract.ADMIN).status == 200
    answer = caller.get(contract.ADMIN)
    assert answer.status == 403
    if transport(server) == "bearer":
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api", error="insufficient_scope"'


def test_only_admins_change_accounts(caller: Client, account: Credentials) -> None:
    """Nobody makes himself an admin."""
    path = contract.ADMIN_ACCOUNT.format(username=account.username)
    assert caller.post(path, {"role": "admin"}).status == 403
    assert caller.get(contract.ADMIN).status == 403


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"role": "king"},
        {"role": ["admin"]},
        {"role": None},
        {"disabled": "no"},
        {"disabled": None},
        {"revoke": 1},
        {"revoke": None},
        {"username": "x"},
    ],
)
def test_account_changes_must_be_known(admin: Client, account: Credentials, change: object) -> None:
    """An unknown change is 400."""
    assert admin.post(contract.ADMIN_ACCOUNT.format(username=account.username), change).status == 400


def test_unknown_account_cannot_be_changed(admin: Client) -> None:
    """It is 404."""
    assert admin.post(contract.ADMIN_ACCOUNT.format(username="nobody"), {"revoke": True}).status == 404


def test_unblocked_account_can_log_in_again(admin: Client, client: Client, account: Credentials) -> None:
    """A block can be lifted."""
    path = contract.ADMIN_ACCOUNT.format(username=account.username)
    admin.post(path, {"disabled": True})
    assert client.log_in(account).status == 401
    admin.post(path, {"disabled": False})
    assert client.log_in(account).status == 200


def test_password_changes(server: Server, caller: Client, account: Credentials) -> None:
    """The new password logs in and the old one does not; the caller gets a fresh credential at once."""
    old_secret = caller.secret
    answer = caller.post(contract.PASSWORD, {"old": account.password, "new": "correct horse"})
    assert answer.status == 204
    assert answer.headers["Cache-Control"] == "no-store"
    fresh = dict(item.split("=", 1) for item in answer.headers["Authentication-Info"].split(", "))
    caller.csrf = fresh.get("csrf_token", "").strip('"')
    caller.token = fresh.get("token", "").strip('"')
    assert caller.secret != old_secret
    assert caller.get(contract.RESTRICTED).status == 200
    assert caller.post(contract.EMAIL, {"email": "a@b.c"}).status == 200
    assert Client(server.port).log_in(account).status == 401
    assert Client(server.port).log_in(account._replace(password="correct horse")).status == 200


def test_password_change_needs_the_old_one(caller: Client) -> None:
    """Who only has the session cannot take the account over."""
    answer = caller.post(contract.PASSWORD, {"old": "guess", "new": "correct horse"})
    assert (answer.status, answer.json) == (403, WRONG)
    assert caller.get(contract.RESTRICTED).status == 200


def test_short_passwords_are_refused(caller: Client, account: Credentials) -> None:
    """Seven characters are too few."""
    answer = caller.post(contract.PASSWORD, {"old": account.password, "new": "1234567"})
    assert (answer.status, answer.json) == (400, {"error": "password_too_short"})


def test_a_credential_in_the_url_counts_for_nothing(server: Server, caller: Client) -> None:
    """URLs are logged and passed on: a credential in one is none (RFC 9700 section 4.3)."""
    for path in (
        f"{contract.RESTRICTED}?{name}={caller.secret}" for name in ("access_token", "token", "session")
    ):
        assert Client(server.port).get(path).status == 401
