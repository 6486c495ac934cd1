"""Restricted reads while many others are logged in: what does each of them cost, in memory and in waiting?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "restricted reads, with so many others logged in (sessions)"
MODEL: Final = "open"
STEPS: Final = ("read",)
NEEDS_CREDENTIAL: Final = True
SETS: Final = "sessions"


def visit(session: Session) -> None:
    """One read."""
    session.read()
