"""The key that signs changes, with the old one beside it or not: who is refused, and what storm follows?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "reads at a set rate while servers with another key take over; who is logged out logs in"
MODEL: Final = "open"
STEPS: Final = ("read", "login")
NEEDS_CREDENTIAL: Final = True
INCIDENT: Final = "key rotation"


def visit(session: Session) -> None:
    """One read, and a login where it is refused."""
    session.read_or_log_in()
