"""Restricted reads as fast as the server answers: what does one cost, and how much goes through?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "restricted reads, as fast as the server answers"
MODEL: Final = "closed"
STEPS: Final = ("read",)


def visit(session: Session) -> None:
    """One read."""
    session.read()
