"""Restricted reads from servers of several processes, as fast as they answer: what does the store allow?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "restricted reads from servers of several processes behind one port, on one store"
MODEL: Final = "closed"
STEPS: Final = ("read",)
SETS: Final = "processes"


def visit(session: Session) -> None:
    """Read once."""
    session.read()
