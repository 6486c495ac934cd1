"""Repeated requests with a missing, a forged and an expired credential: what does a refusal cost?"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "reads with a missing, forged and expired credential, refused as fast as the server answers"
MODEL: Final = "closed"
STEPS: Final = ("absent", "forged", "expired")
NEEDS_CREDENTIAL: Final = True
SETS: Final = "lifetime_s"


def visit(session: "Session") -> None:
    """Read once with each."""
    session.read_without_credential()
    session.read_with_forged_credential()
    session.read_with_expired_credential()
