"""Checks a server against each requirement of the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from harness.errors import EnvironmentFailedError
from harness.protocol.dialect import NOT_THERE, ROUTES
from harness.testbed.contract.requirement import (
    NotThereError,
    Requirement,
    ServerUnderTest,
    UnmetError,
    Weight,
)
from servers.contract import ADMIN, CSRF, HEALTH, PUBLIC, RESTRICTED

#: Routes with method GET; all other optional routes have POST.
_GET_ROUTES: Final = (ADMIN, CSRF, HEALTH, PUBLIC)

Outcome = Literal["met", "not met", "absent"]


@dataclass(frozen=True)
class RequirementResult:
    """Outcome of one requirement.

    Attributes:
        requirement: Text of the requirement.
        weight: Whether it is required (`needed`) or recommended (`advised`).
        outcome: `absent` if the server does not have the subject of the requirement, such as a route.
        detail: What the server did instead, or does not have; empty if the requirement is met.
    """

    requirement: str
    weight: Weight
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True)
class Checkup:
    """Outcomes of all requirements for one server."""

    server: str
    lines: Sequence[RequirementResult]

    def unmet(self, *, strict: bool = False) -> list[RequirementResult]:
        """Return the required lines that are not met; if strict, the recommended ones, too."""
        return [
            line for line in self.lines if line.outcome == "not met" and (strict or line.weight == "needed")
        ]


def examine(server: str, subject: ServerUnderTest, requirements: Sequence[Requirement]) -> Checkup:
    """Check a server against requirements.

    Raises:
        EnvironmentFailedError: The server does not answer at all.
    """
    subject.new_client().send("GET", PUBLIC if subject.transport == "none" else RESTRICTED)  # is it up?
    return Checkup(server, list(_lines(subject, requirements, _absent(subject))))


def _absent(subject: ServerUnderTest) -> dict[str, str]:
    """Return the routes that a server does not have, each with the reason."""
    absent = {}
    for route, optional in ROUTES.items():
        if not subject.dialect.has(route):
            absent[route] = f"it has no {route}"
        elif optional:
            method = "GET" if route in _GET_ROUTES else "POST"
            path = route.format(username=subject.dialect.accounts.example)
            body = None if method == "GET" else {"refresh_token": "made-up"}
            status = subject.new_client().send(method, path, body).status
            if status in NOT_THERE:
                absent[route] = (
                    f'{method} {route} returned {status}; put "{route}" = "" into the paths of the suite'
                )
    return absent


def _lines(
    subject: ServerUnderTest, requirements: Sequence[Requirement], absent: Mapping[str, str]
) -> Iterator[RequirementResult]:
    for requirement in requirements:
        if subject.transport not in requirement.transports:
            continue
        result = partial(RequirementResult, requirement.text, requirement.weight)
        if reasons := [absent[route] for route in requirement.routes if route in absent]:
            yield result("absent", "; ".join(reasons))
            continue
        try:
            requirement.check(subject)
        except NotThereError as error:
            yield result("absent", str(error))
        except (UnmetError, EnvironmentFailedError) as error:  # the latter if it closed the connection
            yield result("not met", str(error))
        else:
            yield result("met")
