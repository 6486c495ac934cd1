"""Restricted reads as fast as servers of several processes answer: what does their store allow?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "restricted reads of servers of several processes behind one port, on one store"
MODEL: Final = "closed"
STEPS: Final = ("read",)
SETS: Final = "processes"


def visit(session: Session) -> None:
    """One read."""
    session.read()
