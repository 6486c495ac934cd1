"""Deny by default: which routes are open, what a route that is added gets, and what caches may keep."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from servers import contract
from servers.bench.costs import COSTS
from servers.contract import Credentials
from servers.http.app import create_app
from servers.http.guard import PUBLIC_ROUTES
from servers.http.request_keys import CALLER
from servers.settings import Settings, new_secret
from tests.servers.client import Client
from tests.servers.process import Server

#: Method and path of every route that needs a credential.
GUARDED = [
    ("GET", contract.RESTRICTED),
    ("GET", contract.CSRF),
    ("GET", contract.ADMIN),
    ("POST", contract.EMAIL),
    ("POST", contract.PASSWORD),
    ("POST", contract.ADMIN_ACCOUNT.format(username="john.doe")),
]


def test_the_list_of_open_routes() -> None:
    """It is this one: who adds a route to it changes this test, too."""
    assert {"/public", "/healthz", "/authenticate", "/token/refresh", "/logout"} == PUBLIC_ROUTES


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_a_route_needs_a_credential(any_server: Server, method: str, path: str) -> None:
    """Without one every route but the open ones is 401, whatever the body."""
    assert Client(any_server.port).send(method, path, b"x", {}).status == 401


async def test_a_route_that_is_added_is_closed(accounts_file: Path) -> None:
    """Nobody has to remember to protect a new route: it gets a caller, or is not called."""
    settings = Settings(accounts_file, (new_secret(),), password_cost=COSTS["bench"])
    app = create_app("token", settings)

    async def added(request: web.Request) -> web.Response:
        return web.Response(text=request[CALLER].sub)

    app.router.add_get("/added", added)
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/added")).status == 401
        answer = await client.post(contract.AUTHENTICATE, json=contract.EXAMPLE._asdict())
        token = (await answer.json())["token"]
        answer = await client.get("/added", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status, await answer.text()) == (200, "123")
        assert answer.headers["Cache-Control"] == "no-store"
        assert (await client.get("/absent")).status == 404
        assert (await client.post("/added")).status == 405


def test_personal_data_is_not_cached(caller: Client) -> None:
    """No answer to a caller may be stored, since it says who the caller is."""
    for answer in (caller.get(contract.RESTRICTED), caller.post(contract.EMAIL, {"email": "a@b.c"})):
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert Client(caller.port).get(contract.PUBLIC).headers["Cache-Control"] is None


def test_headers_of_all_answers(any_server: Server) -> None:
    """No answer, not even an error, is taken for another type, or tells the versions of the server."""
    client = Client(any_server.port)
    requests: list[tuple[str, str, dict[str, str]]] = [
        ("GET", contract.PUBLIC, {}),
        ("GET", contract.RESTRICTED, {}),
        ("GET", "/absent", {}),
        ("PUT", contract.PUBLIC, {}),
        ("POST", contract.AUTHENTICATE, {"Content-Type": "text/plain"}),
        ("GET", contract.PUBLIC, {"X-Long": "x" * 9000}),
    ]
    for method, path, headers in requests:
        answer = client.send(method, path, headers=headers)
        assert answer.headers.get_all("Server") == ["aiohttp"]
        assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"]


def test_concurrent_callers_are_themselves(
    serve: Callable[[str], Server], new_account: Callable[[], Credentials]
) -> None:
    """Each request has the caller of its own credential."""
    port = serve("token").port
    callers = {account.username: Client(port) for account in (new_account() for _ in range(4))}
    for name, caller in callers.items():
        assert caller.log_in(Credentials(name, "foobar")).status == 200

    async def read(name: str) -> bool:
        answer = await asyncio.to_thread(callers[name].get, contract.RESTRICTED)
        return bool(answer.json["id"] == name)

    async def read_all() -> list[bool]:
        return await asyncio.gather(*(read(name) for name in list(callers) * 10))

    assert all(asyncio.run(read_all()))
