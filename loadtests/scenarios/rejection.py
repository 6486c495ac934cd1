"""Requests with no credential, a forged and an expired one, again and again: what does a refusal cost?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "reads with no credential, a forged and an expired one, refused as fast as the server can"
MODEL: Final = "closed"
STEPS: Final = ("absent", "forged", "expired")
NEEDS_CREDENTIAL: Final = True
SETS: Final = "lifetime_s"


def visit(session: Session) -> None:
    """One of each."""
    session.read_without_credential()
    session.read_with_forged_credential()
    session.read_with_expired_credential()
