"""What is asked of the end of credentials: of a logout."""

from __future__ import annotations

from typing import Final

from harness.testbed.contract.requirement import LOGOUT, Requirement, ServerUnderTest, expect


def _logs_out(subject: ServerUnderTest) -> None:
    caller = subject.logged_in(subject.unused())
    expect(caller.send("POST", LOGOUT), 204, f"POST {LOGOUT}")


def _strangers_cannot(subject: ServerUnderTest) -> None:
    expect(subject.stranger().send("POST", LOGOUT), 401, f"POST {LOGOUT} without a credential")


def _session_is_over(subject: ServerUnderTest) -> None:
    caller = subject.logged_in(subject.unused())
    thief = caller.thief()
    caller.send("POST", LOGOUT)
    expect(thief.read(), 401, "a read with a copy of the cookie from before the logout")


#: Position among the files of this folder, in which requirements are checked.
ORDER: Final = 5
REQUIREMENTS: Final = (
    Requirement("a logout is answered 204", "needed", (LOGOUT,), _logs_out),
    Requirement("without a credential a logout is 401", "advised", (LOGOUT,), _strangers_cannot),
    Requirement(
        "a copy of the cookie ends with the session", "advised", (LOGOUT,), _session_is_over, ("cookie",)
    ),
)
