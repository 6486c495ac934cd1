"""Restricted reads at a set rate, however fast the server answers: how long does a user wait?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "restricted reads at a set arrival rate"
MODEL: Final = "open"
STEPS: Final = ("read",)


def visit(session: Session) -> None:
    """Read once."""
    session.read()
