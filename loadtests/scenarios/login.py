"""Repeated logins: what share of a login is the scheme's, and what share is password hashing?"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE = "logins as fast as the server answers"
MODEL = "closed"
STEPS = ("login",)


def visit(session: "Session") -> None:
    """Log in once."""
    session.log_in()
