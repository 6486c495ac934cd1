"""Accounts are revoked, demoted and given another password: how long does what they hold still work?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "reads at a set rate while three accounts are revoked, demoted, given another password"
MODEL: Final = "open"
STEPS: Final = ("read",)
NEEDS_CREDENTIAL: Final = True
INCIDENT: Final = "revocation"


def visit(session: Session) -> None:
    """One read, whatever it is answered: what counts is for how long the old credential works."""
    session.read()
