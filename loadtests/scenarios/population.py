"""Restricted reads with many other users logged in: what does each cost in memory and latency?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "restricted reads with a set number of other users logged in (sessions)"
MODEL: Final = "open"
STEPS: Final = ("read",)
NEEDS_CREDENTIAL: Final = True
SETS: Final = "sessions"


def visit(session: Session) -> None:
    """Read once."""
    session.read()
