"""How long a revoked credential stays valid, as declared by its scheme. Pure.

Tests check that the servers keep these declarations (`tests/servers/test_promises.py`).
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from harness.suites.arms import SchemeEntry

#: Requirement waived by schemes with credentials that can be renewed without limit.
_NO_END: Final = "absolute timeout"
#: Shortest token lifetime to recommend.
_SHORTEST_S: Final = 1.0

Ends = Literal["at once", "at expiry", "never"]


class Window(BaseModel):
    """Time that a credential stays valid after an event: when it ends, and the maximum in seconds.

    `seconds` is None if there is no limit, because a copy that is used keeps being renewed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ends: Ends
    seconds: float | None

    def meets(self, within_s: float) -> bool:
        """Whether the credential ends within this many seconds."""
        return self.seconds is not None and self.seconds <= within_s


def renewed_every_s(scheme: SchemeEntry, within_s: float | None) -> float | None:
    """Return the lifetime of tokens renewed by refreshing: as declared, or the deadline if shorter.

    None for schemes without refresh tokens. Schemes with refresh tokens query the store on some requests,
    but not on reads.
    """
    if scheme.store != "some":
        return None
    if within_s is None or within_s < _SHORTEST_S:
        return scheme.lifetime_s
    return min(within_s, scheme.lifetime_s)


def after_block(scheme: SchemeEntry, within_s: float | None = None) -> Window | None:
    """Return how long a blocked account keeps access; None if the servers do not declare it.

    Args:
        scheme: Declaration of the scheme.
        within_s: Revocation deadline in seconds, which limits the lifetime of refreshed tokens.
    """
    return _window(scheme, scheme.promises.get("block"), within_s)


def after_logout(scheme: SchemeEntry, within_s: float | None = None) -> Window | None:
    """Return how long a copy of a logged-out credential stays valid, as `after_block`."""
    return _window(scheme, scheme.promises.get("logout"), within_s)


def _window(scheme: SchemeEntry, promise: object, within_s: float | None) -> Window | None:
    if promise is None:
        return None
    if promise == "at once":
        return Window(ends="at once", seconds=0)
    if promise == "never" or _NO_END in scheme.waives:
        return Window(ends="never", seconds=None)
    return Window(ends="at expiry", seconds=renewed_every_s(scheme, within_s) or scheme.lifetime_s)
