"""Restricted reads at a set rate, with the store further away: what does a round trip more cost a user?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "restricted reads, with the store at a distance (store_delay_ms)"
MODEL: Final = "open"
STEPS: Final = ("read",)
SETS: Final = "store_delay_ms"


def visit(session: Session) -> None:
    """One read."""
    session.read()
