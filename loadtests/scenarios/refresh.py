"""Repeated refreshes: what does it cost to renew a short-lived token?"""

from typing import TYPE_CHECKING, Final

from servers import contract

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "token refreshes as fast as the server answers (schemes with refresh tokens)"
MODEL: Final = "closed"
STEPS: Final = ("refresh",)
NEEDS_CREDENTIAL: Final = True
ASKS: Final = (contract.REFRESH,)
OWN_LOGINS: Final = True


def visit(session: "Session") -> None:
    """Refresh once."""
    session.refresh()
