"""Restricted reads at a set rate, whatever the server does: how long does a user wait?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "restricted reads, arriving at a set rate"
MODEL: Final = "open"
STEPS: Final = ("read",)


def visit(session: Session) -> None:
    """One read."""
    session.read()
