"""The signing key changes, with or without overlap: which requests fail, and how many logins follow?"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE = "reads at a set rate while servers with another key take over; logged-out users log in again"
MODEL = "open"
STEPS = ("read", "login")
NEEDS_CREDENTIAL = True
INCIDENT = "key rotation"


def visit(session: "Session") -> None:
    """Read once, and log in if the read is refused."""
    session.read_or_log_in()
