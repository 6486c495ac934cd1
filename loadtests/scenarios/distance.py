"""Restricted reads at a set rate with a delayed store: what does each added store round trip cost a user?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "restricted reads with added store round-trip time (store_delay_ms)"
MODEL: Final = "open"
STEPS: Final = ("read",)
SETS: Final = "store_delay_ms"


def visit(session: Session) -> None:
    """Read once."""
    session.read()
