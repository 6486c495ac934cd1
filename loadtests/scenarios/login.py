"""Repeated logins: what share of a login is the scheme's, and what share is password hashing?"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "logins as fast as the server answers"
MODEL: Final = "closed"
STEPS: Final = ("login",)


def visit(session: "Session") -> None:
    """Log in once."""
    session.log_in()
