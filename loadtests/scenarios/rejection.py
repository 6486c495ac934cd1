"""Requests without a credential and with a forged one, again and again: what does a refusal cost?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadtests.session import Session

TITLE: Final = "reads without a credential and with a forged one, refused as fast as the server can"
MODEL: Final = "closed"
STEPS: Final = ("absent", "forged")
NEEDS_CREDENTIAL: Final = True


def visit(session: Session) -> None:
    """One of each."""
    session.read_without_credential()
    session.read_with_forged_credential()
