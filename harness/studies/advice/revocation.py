"""How long a revoked credential stays valid, as declared by its scheme. Pure.

Tests check that the servers keep these declarations (`tests/servers/test_promises.py`).
"""

from __future__ import annotations

from typing import Final, Literal

from harness.results.base import Model
from harness.suites.arms import SchemeEntry

#: Requirement waived by schemes with credentials that can be renewed without limit.
_NO_END: Final = "absolute timeout"
#: Shortest token lifetime to recommend.
_SHORTEST_S: Final = 1.0

Ends = Literal["at once", "at expiry", "never"]


class Window(Model):
    """Time that a credential stays valid after an event: when it ends, and the maximum in seconds.

    `seconds` is None if there is no limit, because a copy that is used keeps being renewed.
    """

    ends: Ends
    seconds: float | None

    def meets(self, within_s: float) -> bool:
        """Whether the credential ends within this many seconds."""
        return self.seconds is not None and self.seconds <= within_s


def renewed_every_s(scheme: SchemeEntry | None, within_s: float | None) -> float | None:
    """Return the lifetime of tokens renewed by refreshing: as declared, or the deadline if shorter.

    None for schemes without refresh tokens, or without a declaration. Schemes with refresh tokens query the
    store on some requests, but not on reads.
    """
    if scheme is None or scheme.store != "some":
        return None
    if within_s is None or within_s < _SHORTEST_S:
        return scheme.lifetime_s
    return min(within_s, scheme.lifetime_s)


def valid_after(
    event: Literal["block", "logout"], scheme: SchemeEntry | None, within_s: float | None = None
) -> Window | None:
    """Return how long a copy of a credential stays valid; None if the servers do not declare it.

    Args:
        event: Block of its account, or logout of its user.
        scheme: Declaration of the scheme; None if there is none.
        within_s: Revocation deadline in seconds, which limits the lifetime of refreshed tokens.
    """
    if scheme is None or (promise := scheme.promises.get(event)) is None:
        return None
    if promise == "at once":
        return Window(ends="at once", seconds=0)
    if promise == "never" or _NO_END in scheme.waives:
        return Window(ends="never", seconds=None)
    return Window(ends="at expiry", seconds=renewed_every_s(scheme, within_s) or scheme.lifetime_s)
