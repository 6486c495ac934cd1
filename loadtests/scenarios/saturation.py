"""Restricted reads as fast as the server answers: what does a read cost, and what is the throughput?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "restricted reads as fast as the server answers"
MODEL: Final = "closed"
STEPS: Final = ("read",)


def visit(session: Session) -> None:
    """Read once."""
    session.read()
