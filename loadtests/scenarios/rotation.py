"""The signing key changes, with or without overlap: which requests fail, and how many logins follow?"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "reads at a set rate while servers with another key take over; logged-out users log in again"
MODEL: Final = "open"
STEPS: Final = ("read", "login")
NEEDS_CREDENTIAL: Final = True
INCIDENT: Final = "key rotation"


def visit(session: "Session") -> None:
    """Read once, and log in if the read is refused."""
    session.read_or_log_in()
