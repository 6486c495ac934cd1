"""Cross-origin requests, as browsers send them for pages of other origins."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from servers import contract, schemes
from servers.contract import Credentials
from servers.errors import UsageError
from servers.http import cors
from tests.servers.client import JSON, Answer, Client
from tests.servers.process import Server, errors_in, run_command

PAGE = "http://app.example:3000"
OTHER_PAGE = "https://other.example"

#: Origins that resemble an allowed one, or that a careless server lets in.
STRANGERS = [
    "null",
    "*",
    "",
    "http://app.example",
    "http://app.example:30001",
    "https://app.example:3000",
    "http://app.example:3000.evil.example",
    "http://evil.example/http://app.example:3000",
    "http://xapp.example:3000",
    "HTTP://APP.EXAMPLE:3000",
    f"{PAGE} {OTHER_PAGE}",
]


@pytest.fixture(scope="module", params=schemes.names())
def server(
    request: pytest.FixtureRequest,
    store_url: str,
    accounts_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """A server of each scheme that lets pages of two other origins call it."""
    log = tmp_path_factory.mktemp("cors") / "log"
    options = ("--accounts", str(accounts_file), "--allow-origin", PAGE, "--allow-origin", OTHER_PAGE)
    server = Server(request.param, *options, log=log, env={"REDIS_URL": store_url})
    yield server
    assert server.stop() == 0
    assert errors_in(log) == ""


@pytest.fixture
def transport(server: Server) -> str:
    """How credentials of its scheme travel."""
    return schemes.load(server.scheme).ABOUT.transport


def preflight(
    server: Server, origin: str, *, method: str = "POST", headers: str = "", path: str = contract.EMAIL
) -> Answer:
    """Ask, as a browser does, whether a page may send a request."""
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers:
        asked["Access-Control-Request-Headers"] = headers
    return Client(server.port).send("OPTIONS", path, headers=asked)


def leave(answer: Answer) -> dict[str, str]:
    """Return the headers of an answer that give a page leave to do something."""
    return {
        name.lower(): value
        for name, value in answer.headers.items()
        if name.lower().startswith("access-control-")
    }


@pytest.mark.parametrize("origin", [PAGE, OTHER_PAGE])
def test_preflight(server: Server, transport: str, store: "redis.Redis", origin: str) -> None:
    """A page that was named may send the scheme's headers; the question needs no credential and no store."""
    headers = cors.ALLOWED_HEADERS[transport]
    before = store.info("commandstats")
    answer = preflight(server, origin, headers=",".join(headers).lower())
    after = store.info("commandstats")
    given = leave(answer)
    assert answer.status == 200
    assert set(given.pop("access-control-allow-headers").upper().split(",")) == {h.upper() for h in headers}
    credentials = {"access-control-allow-credentials": "true"} if transport == "cookie" else {}
    assert given == credentials | {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "POST",
        "access-control-max-age": "600",
    }
    assert answer.headers["Vary"] == "Origin"
    assert "Set-Cookie" not in answer.headers
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    changed = {name for name in after if after[name]["calls"] != before.get(name, {"calls": 0})["calls"]}
    assert changed <= {"cmdstat_info"}


def is_refused_quietly(answer: Answer) -> bool:
    """Tell whether a preflight was refused, without leave and without a word of what was asked."""
    return (answer.status, answer.json, leave(answer), answer.headers["Vary"]) == (
        403,
        {"error": "cors"},
        {},
        "Origin",
    )


@pytest.mark.parametrize("origin", STRANGERS)
def test_preflight_of_strangers(server: Server, origin: str) -> None:
    """No other origin gets leave, however it resembles one; nothing is reflected."""
    assert is_refused_quietly(preflight(server, origin))


def test_preflight_of_what_no_page_needs(server: Server, transport: str) -> None:
    """Other headers and methods than the contract's get no leave, not even for a page that was named."""
    foreign = {"cookie": "Authorization", "bearer": contract.CSRF_HEADER, "none": "Authorization"}[transport]
    for headers in ("X-Other", f"Content-Type, {foreign}"):
        assert is_refused_quietly(preflight(server, PAGE, headers=headers))
    for method in ("DELETE", "GET", "hunter2"):
        assert is_refused_quietly(preflight(server, PAGE, method=method))
    assert is_refused_quietly(preflight(server, PAGE, path=contract.RESTRICTED))
    assert is_refused_quietly(Client(server.port).send("OPTIONS", contract.EMAIL))


@pytest.mark.parametrize("path", [contract.PUBLIC, contract.RESTRICTED, contract.ADMIN])
def test_a_named_page_may_read_the_answer(server: Server, transport: str, path: str) -> None:
    """Refusals too, so that it can tell what to do, and where to find a fresh credential."""
    given = leave(Client(server.port).send("GET", path, headers={"Origin": PAGE}))
    assert given.pop("access-control-allow-origin") == PAGE
    assert set(given.pop("access-control-expose-headers").split(",")) == set(cors.EXPOSED_HEADERS)
    assert given == ({"access-control-allow-credentials": "true"} if transport == "cookie" else {})


@pytest.mark.parametrize("origin", [*STRANGERS, None])
def test_no_other_page_may(server: Server, origin: str | None) -> None:
    """It is answered, since the request was sent already, but the browser keeps the answer from it."""
    headers = {} if origin is None else {"Origin": origin}
    answer = Client(server.port).send("GET", contract.PUBLIC, headers=headers)
    assert (answer.status, leave(answer), answer.headers["Vary"]) == (200, {}, "Origin")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("DELETE", contract.PUBLIC, 405), ("GET", contract.HEALTH, 200)],
)
def test_every_answer_varies(server: Server, method: str, path: str, status: int) -> None:
    """No cache gives one origin what was answered to another."""
    answer = Client(server.port).send(method, path, headers={"Origin": PAGE})
    assert (answer.status, answer.headers["Vary"]) == (status, "Origin")


def log_in(server: Server, account: Credentials, origin: str, site: str) -> Answer:
    """Log in from a page of `origin`."""
    body = f'{{"username": "{account.username}", "password": "{account.password}"}}'.encode()
    headers = {"Origin": origin, "Sec-Fetch-Site": site}
    return Client(server.port).send("POST", contract.AUTHENTICATE, body, JSON | headers)


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_login_by_a_named_page(server: Server, transport: str, account: Credentials, site: str) -> None:
    """It logs its user in; strangers still cannot, wherever the browser sends an Origin to tell."""
    assert log_in(server, account, PAGE, site).status == 200
    if transport == "cookie":
        for origin in STRANGERS:
            assert log_in(server, account, origin, site).json == {"error": "csrf"}


def test_a_named_page_proves_its_writes(server: Server, transport: str, account: Credentials) -> None:
    """CORS replaces no CSRF token: it has to read one first, as it may, and strangers may not."""
    if transport != "cookie":
        pytest.skip("no browser adds its credentials by itself")
    caller = Client(server.port)
    caller.log_in(account)
    page = {"Origin": PAGE, "Cookie": caller.carried()["Cookie"]}
    write = (contract.EMAIL, b'{"email": "a@b.c"}')
    assert caller.send("POST", *write, page | JSON).json == {"error": "csrf"}
    read = caller.send("GET", contract.CSRF, headers=page)
    assert leave(read)["access-control-allow-origin"] == PAGE
    proof = {contract.CSRF_HEADER: read.json["csrf_token"]}
    assert caller.send("POST", *write, page | JSON | proof).status == 200
    stranger = page | {"Origin": "https://evil.example"}
    assert leave(caller.send("GET", contract.CSRF, headers=stranger)) == {}


def test_off_by_default(any_server: Server) -> None:
    """A server that was told of no other origin gives none leave, and says nothing of it."""
    for answer in (
        preflight(any_server, PAGE),
        Client(any_server.port).send("GET", contract.PUBLIC, headers={"Origin": PAGE}),
    ):
        assert leave(answer) == {}
        assert "Vary" not in answer.headers
    assert preflight(any_server, PAGE).status == 405


@pytest.mark.parametrize("origin", [PAGE, OTHER_PAGE, "http://localhost:3000", "http://[::1]:3000"])
def test_origins_as_browsers_write_them(origin: str) -> None:
    """They are taken as they are."""
    assert cors.parse_origin(origin, behind_tls=False) == origin


@pytest.mark.parametrize(
    "origin",
    [
        *("null", "*", "", "app.example", "https://", "https://*.example", "ftp://app.example"),
        *(
            "https://app.example/",
            "https://app.example/path",
            "https://app.example?x",
            "https://app.example#x",
        ),
        *(
            "https://user@app.example",
            "https://App.example",
            "https://äpp.example",
            "https://app.example:443",
        ),
        *("http://app.example:80", "https://app.example:", "https://app.example:0", "https://a.example\n"),
        *("https://a.example,https://b.example", "https://a.example https://b.example"),
    ],
)
def test_what_is_no_exact_origin(origin: str) -> None:
    """It would match nothing, or too much, and is refused."""
    with pytest.raises(UsageError, match="not an exact origin"):
        cors.parse_origin(origin, behind_tls=False)


@pytest.mark.parametrize("options", [("--allow-origin", "null"), ("--behind-tls", "--allow-origin", PAGE)])
def test_a_server_does_not_start_with_one(options: tuple[str, ...]) -> None:
    """It ends with exit code 2 and one sentence; behind TLS a page that came without is refused as well."""
    done = run_command("token", "--json", *options)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert repr(options[-1]) in done.stderr
