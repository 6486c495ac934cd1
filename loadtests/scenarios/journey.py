"""One user session: log in, read, write, read again, log out."""

from typing import TYPE_CHECKING, Final

from servers import contract

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "whole user sessions (login, reads, a write, logout), started at a set rate"
MODEL: Final = "open"
STEPS: Final = ("login", "read", "write", "logout")
NEEDS_CREDENTIAL: Final = True
ASKS: Final = (contract.EMAIL, contract.LOGOUT)

#: Reads before the write, and again after it.
READS: Final = 5


def visit(session: "Session") -> None:
    """Run one user session: 13 requests."""
    session.log_in()
    for _ in range(READS):
        session.read()
    session.write()
    for _ in range(READS):
        session.read()
    session.log_out()
