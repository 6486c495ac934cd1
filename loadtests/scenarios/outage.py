"""The session store is killed and restarted empty: which requests fail, how, and for how long?"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "reads at a set rate while the store is killed and restarted; logged-out users log in again"
MODEL: Final = "open"
STEPS: Final = ("read", "login")
NEEDS_CREDENTIAL: Final = True
INCIDENT: Final = "store outage"


def visit(session: "Session") -> None:
    """Read once, and log in if the read is refused."""
    session.read_or_log_in()
