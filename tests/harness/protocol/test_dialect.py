"""How a server's own names stand for the contract's."""

import json
from dataclasses import asdict

import pytest

from harness.protocol.dialect import CONTRACT, FIELDS, ROUTES, AccountNames, Dialect, names_in
from harness.protocol.plan import Target
from servers import contract

OWN = Dialect(
    paths={
        "/authenticate": "/session",
        "/logout": "",
        "/api/admin/accounts/{username}": "/staff/{username}/state",
    },
    fields={
        "username": "login.name",
        "password": "login.secret",
        "profile.id": "user.number",
        "token": "access",
    },
    authorization="Token",
    accounts=AccountNames(load="u{n}@example.org", password="swordfish"),
)


def test_routes_are_the_contracts() -> None:
    """The harness does not import the servers: its list of their routes is held equal here."""
    routes = {
        value
        for name, value in vars(contract).items()
        if name.isupper() and isinstance(value, str) and value.startswith("/")
    }
    assert set(ROUTES) == routes
    assert {route for route, optional in ROUTES.items() if not optional} == {
        contract.AUTHENTICATE,
        contract.RESTRICTED,
    }


def test_what_is_not_said_is_the_contracts() -> None:
    """Paths, fields, header names and accounts stay as they are."""
    assert all(CONTRACT.path(route) == route for route in ROUTES)
    assert all(json.loads(CONTRACT.body({name: 1})) for name in FIELDS)
    assert CONTRACT.csrf_header == contract.CSRF_HEADER
    accounts = CONTRACT.accounts
    for number in (0, 7):
        assert (accounts.load_user(number), accounts.password) == contract.load_credentials(number)
    assert (accounts.example, accounts.password) == contract.EXAMPLE
    assert (accounts.admin, accounts.password) == contract.EXAMPLE_ADMIN


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ("/authenticate", "/session"),
        ("/api/restricted", "/api/restricted"),
        ("/logout", ""),
        ("/api/admin/accounts/load-1", "/staff/load-1/state"),
        ("/api/admin/accounts/{username}", "/staff/{username}/state"),
    ],
)
def test_a_route_has_its_own_path(route: str, path: str) -> None:
    """A named one is elsewhere, an empty one is not there; an account's name stays in its place."""
    assert OWN.path(route) == path
    assert OWN.has(route) is bool(path)


def test_a_body_has_its_own_fields() -> None:
    """Two fields of one object share it."""
    body = json.loads(OWN.body({"username": "a", "password": "b", "email": "c"}))
    assert body == {"login": {"name": "a", "secret": "b"}, "email": "c"}


def test_fields_are_picked_from_where_they_are() -> None:
    """A dot leads into an object; what is not there is None, whatever stands in its way."""
    answer = {"user": {"number": 7}, "access": "t", "id": "mine"}
    assert OWN.pick(answer, "profile.id") == 7
    assert OWN.pick(answer, "token") == "t"
    assert OWN.pick(answer, "id") == "mine"
    assert OWN.pick({"user": "7"}, "profile.id") is None
    assert OWN.pick(["user"], "profile.id") is None
    assert OWN.pick({}, "refresh_token") is None


def test_a_dialect_travels_in_a_plan() -> None:
    """As JSON, since the load generator is another process."""
    target = Target(0, "own", "127.0.0.1", 1, "/api/restricted", OWN)
    assert Target.of(json.loads(json.dumps(asdict(target)))) == target


def test_fields_are_named_without_what_they_hold() -> None:
    """For messages: an answer may hold a credential."""
    assert names_in({"access": {"token": "SECRET"}, "list": ["SECRET"]}) == "access.token, list"
    assert names_in("SECRET") == names_in({}) == "no fields"
