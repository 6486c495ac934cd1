"""Repeated refreshes: what does it cost to renew a short-lived token?"""

from typing import TYPE_CHECKING

from servers import contract

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE = "token refreshes as fast as the server answers (schemes with refresh tokens)"
MODEL = "closed"
STEPS = ("refresh",)
NEEDS_CREDENTIAL = True
ASKS = (contract.REFRESH,)
OWN_LOGINS = True


def visit(session: "Session") -> None:
    """Refresh once."""
    session.refresh()
