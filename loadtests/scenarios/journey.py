"""What one user does in one sitting: log in, look around, change something, look again, log out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from servers import contract

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "whole sittings (login, reads, a write, logout), beginning at a set rate"
MODEL: Final = "open"
STEPS: Final = ("login", "read", "write", "logout")
NEEDS_CREDENTIAL: Final = True
ASKS: Final = (contract.EMAIL, contract.LOGOUT)

#: Reads before the write, and after it.
READS: Final = 5


def visit(session: Session) -> None:
    """One sitting: 13 requests."""
    session.log_in()
    for _ in range(READS):
        session.read()
    session.write()
    for _ in range(READS):
        session.read()
    session.log_out()
