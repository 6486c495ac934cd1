"""The session store dies and comes back, empty: who fails, with what, and how soon is all well?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "reads at a set rate while the store is killed and comes back; who is logged out logs in"
MODEL: Final = "open"
STEPS: Final = ("read", "login")
NEEDS_CREDENTIAL: Final = True
INCIDENT: Final = "store outage"


def visit(session: Session) -> None:
    """One read, and a login where it is refused."""
    session.read_or_log_in()
