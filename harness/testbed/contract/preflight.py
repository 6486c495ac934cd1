"""Whether a server answers as the contract says, before anything is measured of it."""

from __future__ import annotations

import http.client
from collections.abc import Collection, Sequence
from contextlib import closing
from typing import Final

from harness.errors import ConformanceError, EnvironmentFailedError
from harness.protocol.dialect import NOT_THERE
from harness.protocol.plan import Target
from harness.testbed.client import ApiClient

#: What is asked of every server, and the status that it is to answer to who has no credential.
_EXPECTED: Final = {"/healthz": 200, "/public": 200, "/api/restricted": 401}


def check(target: Target, asked: Collection[str] = ()) -> None:
    """Ask what needs no credential; a server that answers wrongly gets no number (the idea is TechEmpower's).

    Args:
        target: The server.
        asked: Routes that scenarios will post to, and that it may not have.

    Raises:
        ConformanceError: It answered something else than the contract says.
        EnvironmentFailedError: It did not answer.
    """
    for route, expected in _EXPECTED.items():
        if target.dialect.has(route):
            status = _status(target, "GET", route)
            if status != expected:
                raise ConformanceError(
                    f"server {target.arm}: GET {target.dialect.path(route)} without credential answered"
                    f" {status}, the contract says {expected}."
                )
    for route in sorted(asked):
        if target.dialect.has(route):
            _check_post(target, route)


def check_shared(targets: Sequence[Target]) -> None:
    """Whether what one instance of an arm issues is good at the others, since the load logs in once an arm.

    Raises:
        ConformanceError: It is not, or an account that the suite names cannot log in.
        EnvironmentFailedError: One did not answer.
    """
    first, *others = (ApiClient(one.host, one.port, dialect=one.dialect) for one in targets)
    arm, accounts = targets[0].arm, targets[0].dialect.accounts
    login = first.log_in(accounts.example, accounts.password)
    if login.status != 200:
        raise ConformanceError(
            f"server {arm}: the login of {accounts.example} was answered {login.status}: is there such an"
            f" account, with the password that [own.{arm}.accounts] says?"
        )
    for number, other in enumerate([first, *others]):
        if (status := first.at(other).read().status) != 200:
            issuer = "itself" if number == 0 else "another"
            raise ConformanceError(
                f"server {arm} #{number}: what {issuer} had issued was answered {status}. Instances need the"
                " same secret and store: {secret} and {redis_url} in environment stand for those. Does"
                " bench.py verify server find anything?"
            )


def _check_post(target: Target, route: str) -> None:
    """Refuse a server that does not have a route, or that lets strangers use it."""
    status = _status(target, "POST", route)
    if status in NOT_THERE:
        raise ConformanceError(
            f"server {target.arm}: POST {target.dialect.path(route)} answered {status}: a scenario asks for"
            f" it. If the server does not have it, say so below [own.{target.arm}.paths]:"
            f' "{route}" = "". If it is elsewhere, name its path there.'
        )
    if status < 400:
        raise ConformanceError(
            f"server {target.arm}: POST {target.dialect.path(route)} without credential answered {status},"
            " the contract says 401."
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
