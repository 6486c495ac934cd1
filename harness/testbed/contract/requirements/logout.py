"""Requirements for logouts."""

from __future__ import annotations

from typing import Final

from harness.testbed.contract.requirement import Requirement, ServerUnderTest, expect, returns
from servers.contract import LOGOUT


def _returns_204(subject: ServerUnderTest) -> None:
    client = subject.logged_in(subject.unused_account())
    expect(client.send("POST", LOGOUT), 204, f"POST {LOGOUT}")


def _session_is_revoked(subject: ServerUnderTest) -> None:
    client = subject.logged_in(subject.unused_account())
    thief = client.thief()
    client.send("POST", LOGOUT)
    expect(thief.read(), 401, "a read with a copy of the cookie from before the logout")


#: Position of this file in the order of checks.
ORDER: Final = 5
REQUIREMENTS: Final = (
    Requirement("a logout returns 204", "needed", (LOGOUT,), _returns_204),
    Requirement(
        "a logout without a credential returns 401", "advised", (LOGOUT,), returns(401, "POST", LOGOUT)
    ),
    Requirement(
        "a logout revokes copies of the cookie", "advised", (LOGOUT,), _session_is_revoked, ("cookie",)
    ),
)
