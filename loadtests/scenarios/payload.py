"""Restricted reads by users with long profiles: what does it cost to send them, and to store them?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "restricted reads with a profile of a set length in session or token (profile_bytes)"
MODEL: Final = "closed"
STEPS: Final = ("read",)
NEEDS_CREDENTIAL: Final = True
SETS: Final = "profile_bytes"


def visit(session: Session) -> None:
    """Read once."""
    session.read()
