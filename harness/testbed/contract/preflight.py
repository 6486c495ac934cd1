"""Checks servers against the contract before they are measured."""

from __future__ import annotations

import http.client
from collections.abc import Collection, Sequence
from contextlib import closing
from typing import Final

from harness.errors import ConformanceError, EnvironmentFailedError
from harness.protocol.dialect import NOT_THERE
from harness.protocol.plan import Target
from harness.testbed.client import ApiClient

#: Routes that are requested from every server without a credential, and the required status.
_EXPECTED: Final = {"/healthz": 200, "/public": 200, "/api/restricted": 401}


def check(target: Target, routes: Collection[str] = ()) -> None:
    """Check the routes that need no credential; a server that fails is not measured (as in TechEmpower's).

    Args:
        target: The server.
        routes: Optional routes that scenarios will send POST requests to.

    Raises:
        ConformanceError: A response violates the contract.
        EnvironmentFailedError: The server did not answer.
    """
    for route, expected in _EXPECTED.items():
        if target.dialect.has(route):
            status = _status(target, "GET", route)
            if status != expected:
                raise ConformanceError(
                    f"server {target.arm}: GET {target.dialect.path(route)} without a credential returned"
                    f" {status}; the contract requires {expected}."
                )
    for route in sorted(routes):
        if target.dialect.has(route):
            _check_post(target, route)


def check_shared(targets: Sequence[Target]) -> None:
    """Check that all instances of an arm accept the same credential, since the load logs in once per arm.

    Raises:
        ConformanceError: An instance refuses it, or an account of the suite cannot log in.
        EnvironmentFailedError: An instance did not answer.
    """
    first, *others = (ApiClient(target.host, target.port, dialect=target.dialect) for target in targets)
    arm, accounts = targets[0].arm, targets[0].dialect.accounts
    login = first.log_in(accounts.example, accounts.password)
    if login.status != 200:
        raise ConformanceError(
            f"server {arm}: the login of {accounts.example} returned {login.status}: does the account exist,"
            f" with the password of [own.{arm}.accounts]?"
        )
    for number, other in enumerate([first, *others]):
        if (status := first.at(other).read().status) != 200:
            issuer = "this instance" if number == 0 else "another instance"
            raise ConformanceError(
                f"server {arm} #{number}: a read with a credential from {issuer} returned {status}. Instances"
                " need the same secret and store: use {secret} and {redis_url} in environment. Check the"
                " server with bench.py verify server."
            )


def _check_post(target: Target, route: str) -> None:
    """Refuse a server that does not have a route, or that serves it without a credential."""
    status = _status(target, "POST", route)
    if status in NOT_THERE:
        raise ConformanceError(
            f"server {target.arm}: POST {target.dialect.path(route)} returned {status}, and a scenario uses"
            f" this route. If the server does not have it, add it to [own.{target.arm}.paths]:"
            f' "{route}" = "". If it has another path, add that path.'
        )
    if status < 400:
        raise ConformanceError(
            f"server {target.arm}: POST {target.dialect.path(route)} without a credential returned {status};"
            " the contract requires 401."
        )


def _status(target: Target, method: str, route: str) -> int:
    path = target.dialect.path(route)
    body = None if method == "GET" else b"{}"
    headers = {"Content-Type": "application/json"} if body else {}
    try:
        with closing(http.client.HTTPConnection(target.host, target.port, timeout=10)) as connection:
            connection.request(method, path, body, headers)
            return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise EnvironmentFailedError(
            f"server {target.arm} at {target.host}:{target.port} does not answer: {error}"
        ) from error
