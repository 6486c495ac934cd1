"""Accounts are revoked, demoted or given a new password: for how long do their credentials still work?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "reads at a set rate while three accounts are revoked, demoted and given a new password"
MODEL: Final = "open"
STEPS: Final = ("read",)
NEEDS_CREDENTIAL: Final = True
INCIDENT: Final = "revocation"


def visit(session: Session) -> None:
    """Read once, whatever the answer: the result is for how long the old credential works."""
    session.read()
