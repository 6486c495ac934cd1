"""The security log of live servers: what is in it, and what never is."""

import json
from collections.abc import Callable
from typing import cast

import pytest
from aiohttp import web

from servers import contract
from servers.contract import Credentials
from servers.http.responses import unavailable
from servers.http.security_log import LOGGER, MAX_REFUSALS_PER_S, SecurityLog
from tests.servers.client import Client
from tests.servers.process import Server

KEYS = {"time", "event", "status", "code", "reason", "caller", "account", "peer"}


def events_of(server: Server, account: str) -> list[tuple[str, int, str]]:
    """Return event, status and code of all lines about an account."""
    events = [event for event in server.events() if account in (event.get("account"), event.get("caller"))]
    assert all(event.keys() == KEYS and event["peer"] == "127.0.0.1" for event in events)
    return [(event["event"], event["status"], event["code"]) for event in events]


def test_what_is_logged(server: Server, client: Client, admin: Client, account: Credentials) -> None:
    """Logins, refusals, lock-outs, changes of password and rights, and logouts; ordinary requests are not."""
    client.log_in(account._replace(password="wrong"))
    client.log_in(account)
    client.get(contract.RESTRICTED)
    client.post(contract.EMAIL, {"email": "a@b.c"})
    client.get(contract.ADMIN)
    client.post(contract.PASSWORD, {"old": account.password, "new": "correct horse"})
    path = contract.ADMIN_ACCOUNT.format(username=account.username)
    admin.post(path, {"role": "user"})
    client.log_in(account._replace(password="correct horse"))
    client.post(contract.LOGOUT)
    assert [(event, status) for event, status, _ in events_of(server, account.username)] == [
        ("POST /authenticate", 401),
        ("POST /authenticate", 200),
        ("GET /api/admin", 403),
        ("POST /password", 204),
        ("POST /api/admin/accounts/{username}", 204),
        ("POST /authenticate", 200),
        ("POST /logout", 204),
    ]


def test_a_lock_out_is_logged(server: Server, account: Credentials) -> None:
    """With the account that was guessed at."""
    for _ in range(11):
        Client(server.port).log_in(account._replace(password="wrong"))
    refusals = [(401, "wrong_credentials")] * 10 + [(429, "too_many_failures")]
    assert [(status, code) for _, status, code in events_of(server, account.username)] == refusals


def test_a_refresh_token_that_is_refused_is_logged(serve: Callable[[str], Server]) -> None:
    """It may have been stolen; one that is accepted is an ordinary request."""
    server = serve("token-refresh")
    assert Client(server.port).post(contract.REFRESH, {"refresh_token": "a.b"}).status == 401
    event = server.events()[-1]
    assert (event["event"], event["code"]) == ("POST /token/refresh", "invalid_grant")
    assert event["time"].endswith("+00:00"), "UTC"


def test_what_is_typed_is_not_logged(serve: Callable[[str], Server]) -> None:
    """Neither a password nor a username that is none: it may be a password in the wrong field."""
    server = serve("cookie")
    Client(server.port).log_in(Credentials("hunter2", "swordfish"))
    logged = server.log.read_text()
    assert '"account":null' in logged
    assert "hunter2" not in logged
    assert "swordfish" not in logged


class _Request(dict[object, object]):
    """As much of a request as is logged."""

    method = "POST"
    remote = "127.0.0.1"


def test_a_flood_of_refusals_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    """A second has only so many lines of refusals; the next one says how many more there were."""
    caplog.set_level("INFO", LOGGER.name)
    now = [0.0]
    log = SecurityLog(lambda: now[0])
    request = cast(web.Request, _Request())
    for _ in range(MAX_REFUSALS_PER_S + 7):
        log.refused(request, "/authenticate", unavailable("overloaded"))
    assert len(caplog.messages) == MAX_REFUSALS_PER_S
    now[0] = 1.0
    log.refused(request, "/authenticate", unavailable("overloaded"))
    *_, counted, last = map(json.loads, caplog.messages)
    assert (counted["event"], counted["count"]) == ("refusals not logged", 7)
    assert last["code"] == "overloaded"
