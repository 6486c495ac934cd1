"""One user session: log in, read, write, read again, log out."""

from typing import TYPE_CHECKING

from servers import contract

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE = "whole user sessions (login, reads, a write, logout), started at a set rate"
MODEL = "open"
STEPS = ("login", "read", "write", "logout")
NEEDS_CREDENTIAL = True
ASKS = (contract.EMAIL, contract.LOGOUT)

#: Reads before the write, and again after it.
READS = 5


def visit(session: "Session") -> None:
    """Run one user session: 13 requests."""
    session.log_in()
    for _ in range(READS):
        session.read()
    session.write()
    for _ in range(READS):
        session.read()
    session.log_out()
