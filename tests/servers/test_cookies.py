"""Attacks on credentials in a cookie, whatever they are, against live servers.

A scheme that waives a requirement is attacked all the same, and the attack must succeed.
"""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from servers import contract, schemes
from servers.contract import Credentials
from servers.credentials.scheme import Requirement
from tests.servers.client import JSON, Answer, Client
from tests.servers.process import Server

Waived = Callable[[Requirement], bool]

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


def log_in(port: int, **headers: str) -> Answer:
    """Log in as the example account with additional headers, as a browser would for a page."""
    body = json.dumps(contract.EXAMPLE._asdict()).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client(port).send("POST", contract.AUTHENTICATE, body, JSON | named)


def test_attributes(port: int, name: str) -> None:
    """Scripts cannot read the cookie, other sites cannot send it along, and it covers the whole host."""
    cookie = log_in(port).cookies[name]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert cookie["max-age"] == str(5 * 60 * 60)
    assert not cookie["secure"]
    assert not cookie["domain"]
    assert "Strict-Transport-Security" not in log_in(port).headers


@pytest.mark.parametrize("scheme", COOKIE_SCHEMES)
def test_attributes_behind_tls(scheme: str, store_url: str, accounts_file: Path, tmp_path: Path) -> None:
    """Behind a TLS proxy the cookie is bound to https and the host, when set and when removed."""
    options = ("--behind-tls", "--accounts", str(accounts_file))
    name = f"__Host-{scheme}-session"
    server = Server(scheme, *options, log=tmp_path / "log", env={"REDIS_URL": store_url})
    try:
        host = f"127.0.0.1:{server.port}"
        refused = log_in(server.port, Origin=f"http://{host}")
        answer = log_in(server.port, Origin=f"https://{host}")
        assert (refused.status, answer.status) == (403, 200)
        for either in (refused, answer):
            assert either.headers["Strict-Transport-Security"] == "max-age=31536000"
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


def test_logout_forgets(cookie_caller: Client) -> None:
    """The browser is told to forget the cookie."""
    assert cookie_caller.post(contract.LOGOUT).status == 204
    assert not cookie_caller.cookies


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


def test_fixation_of_a_live_id(port: int, server: Server, cookie_caller: Client, waived: Waived) -> None:
    """An attacker's own session, planted, never becomes the victim's, and ends at the victim's login.

    But for one that nothing can end.
    """
    attacker = cookie_caller
    victim = Client(port)
    victim.cookies = dict(attacker.cookies)
    victim.log_in(contract.EXAMPLE)
    assert victim.cookies != attacker.cookies
    stateless = schemes.load(server.scheme).ABOUT.promises.store == "none"
    lives_on = waived("end of the replaced session") or stateless
    assert attacker.get(contract.RESTRICTED).status == (200 if lives_on else 401)
    assert victim.get(contract.RESTRICTED).json["id"] == "123"


#: What stands before a planted cookie's name: spaces that browsers do not strip, or another cookie's value.
PREFIXES = ["\u2000", "\u00a0", "\u0085", "\u3000", "x=1 ", "x=1\t"]


def identified(port: int, cookie: str) -> str:
    """The id of the account that the server takes a request with this header for; empty if for none."""
    headers = {"Cookie": cookie.encode().decode("latin-1")}
    answer = Client(port).send("GET", contract.RESTRICTED, headers=headers)
    return str(answer.json["id"]) if answer.status == 200 else ""


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_planted_cookie_of_another_name(
    cookie_caller: Client,
    port: int,
    name: str,
    waived: Waived,
    new_account: Callable[[], Credentials],
    prefix: str,
) -> None:
    """A sibling host plants a name that browsers do not take for the session's, and so let it plant."""
    attacker = Client(port)
    attacker.log_in(new_account())
    own, theirs = (f"{name}={client.cookies[name]}" for client in (cookie_caller, attacker))
    victim, thief = identified(port, own), identified(port, theirs)
    assert victim != thief
    both = {identified(port, f"{own}; {prefix}{theirs}"), identified(port, f"{prefix}{theirs}; {own}")}
    assert both == ({victim, thief} if waived("planted cookies") else {victim})
    assert identified(port, f"{prefix}{theirs}") == ""


def test_two_cookies_of_the_name(
    cookie_caller: Client, port: int, name: str, new_account: Callable[[], Credentials]
) -> None:
    """None of them counts: who can plant one can log a user out, but not in as another."""
    attacker = Client(port)
    attacker.log_in(new_account())
    own, theirs = (f"{name}={client.cookies[name]}" for client in (cookie_caller, attacker))
    assert identified(port, f"{own}; {theirs}") == identified(port, f"{theirs}; {own}") == ""
    assert identified(port, f"a=b;{own} ; c=d") == identified(port, own) != ""


def test_what_a_browser_sends_back_is_accepted(port: int) -> None:
    """To the letter as it was set, with quotes where the value has them."""
    (line,) = log_in(port).headers.get_all("Set-Cookie", [])
    assert identified(port, line.partition(";")[0]) == "123"


@pytest.mark.parametrize("value", ["x" * 4097, "é", "../../etc", '"', "x", "*", "\xff\xfe"])
def test_no_session_at_all(port: int, name: str, value: str) -> None:
    """Whatever cannot be an id is 401, and is not echoed."""
    answer = Client(port).send("GET", contract.RESTRICTED, headers={"Cookie": f"{name}={value}"})
    assert (answer.status, answer.json) == (401, {"error": "not_authenticated"})


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
