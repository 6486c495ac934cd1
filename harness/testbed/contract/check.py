"""Asks a server everything that the contract asks, and notes each answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from harness.errors import EnvironmentFailedError
from harness.protocol.dialect import NOT_THERE, ROUTES
from harness.testbed.contract.requirement import (
    ADMIN,
    CSRF,
    HEALTH,
    PUBLIC,
    READ,
    NotThereError,
    Requirement,
    ServerUnderTest,
    UnmetError,
    Weight,
)

#: Routes that are asked by GET; all other optional ones are asked by POST.
_READ: Final = (ADMIN, CSRF, HEALTH, PUBLIC)

Outcome = Literal["met", "not met", "absent"]


@dataclass(frozen=True)
class RequirementResult:
    """What came of one requirement.

    Attributes:
        requirement: What was asked.
        weight: How much depends on it.
        outcome: `absent` where the server does not have what it is about, such as a route.
        detail: What the server did instead, or what it does not have; empty where it was met.
    """

    requirement: str
    weight: Weight
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True)
class Checkup:
    """All that was found of one server."""

    server: str
    lines: Sequence[RequirementResult]

    def unmet(self, *, strict: bool = False) -> list[RequirementResult]:
        """What it does not meet of what is needed; of everything where that is asked."""
        return [one for one in self.lines if one.outcome == "not met" and (strict or one.weight == "needed")]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"server": self.server, "lines": [asdict(line) for line in self.lines]}


def examine(server: str, subject: ServerUnderTest, requirements: Sequence[Requirement]) -> Checkup:
    """Ask a server everything of this.

    Raises:
        EnvironmentFailedError: It does not answer at all.
    """
    subject.stranger().send("GET", PUBLIC if subject.transport == "none" else READ)  # is anybody there?
    return Checkup(server, list(_lines(subject, requirements, _absent(subject))))


def _absent(subject: ServerUnderTest) -> dict[str, str]:
    """The routes that a server does not have, each with how that is known."""
    absent = {}
    for route, optional in ROUTES.items():
        if not subject.dialect.has(route):
            absent[route] = f"it has no {route}"
        elif optional:
            method = "GET" if route in _READ else "POST"
            place = route.format(username=subject.dialect.accounts.example)
            body = None if method == "GET" else {"refresh_token": "made-up"}
            status = subject.stranger().send(method, place, body).status
            if status in NOT_THERE:
                absent[route] = (
                    f'{method} {route} is {status}; a suite says so by "{route}" = "" in its paths'
                )
    return absent


def _lines(
    subject: ServerUnderTest, requirements: Sequence[Requirement], absent: Mapping[str, str]
) -> Iterator[RequirementResult]:
    for one in requirements:
        if subject.transport not in one.transports:
            continue
        if lacking := [absent[route] for route in one.routes if route in absent]:
            yield RequirementResult(one.says, one.weight, "absent", "; ".join(lacking))
            continue
        try:
            one.check(subject)
        except NotThereError as error:
            yield RequirementResult(one.says, one.weight, "absent", str(error))
        except (
            UnmetError,
            EnvironmentFailedError,
        ) as error:  # the latter where it closed the connection, say
            yield RequirementResult(one.says, one.weight, "not met", str(error))
        else:
            yield RequirementResult(one.says, one.weight, "met")
