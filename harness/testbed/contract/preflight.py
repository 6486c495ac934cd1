"""Checks servers against the contract before they are measured."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from harness.errors import ConformanceError, EnvironmentFailedError
from harness.protocol.dialect import NOT_THERE
from harness.protocol.plan import Target
from harness.testbed.client import ApiClient
from servers.contract import authority

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
        if target.dialect.has(route) and (status := _status(target, "GET", route)) != expected:
            raise ConformanceError(
                f"server {target.arm}: GET {target.dialect.path(route)} without a credential returned"
                f" {status}; the contract requires {expected}."
            )
    for route in sorted(routes):
        if not target.dialect.has(route):
            continue
        status = _status(target, "POST", route)
        if status in NOT_THERE:
            raise ConformanceError(
                f"server {target.arm}: POST {target.dialect.path(route)} returned {status}, and a scenario"
                f" uses this route. If the server does not have it, add it to [own.{target.arm}.paths]:"
                f' "{route}" = "". If it has another path, add that path.'
            )
        if status < 400:
            raise ConformanceError(
                f"server {target.arm}: POST {target.dialect.path(route)} without a credential returned"
                f" {status}; the contract requires 401."
            )


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


def _status(target: Target, method: str, route: str) -> int:
    client = ApiClient(target.host, target.port, dialect=target.dialect, timeout_s=10)
    try:
        return client.send(method, route, None if method == "GET" else {}).status
    except EnvironmentFailedError as error:
        raise EnvironmentFailedError(
            f"server {target.arm} at {authority(target.host, target.port)} does not answer: {error.__cause__}"
        ) from error.__cause__
