"""How long a revoked credential goes on working, by what its scheme declares. Pure.

Servers are held to their promises by tests of their own (`tests/servers/test_promises.py`).
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from harness.suites.arms import SchemeEntry

#: What a scheme waives whose credentials may be renewed for ever, by themselves.
_NO_END: Final = "absolute timeout"
#: No shorter life of a token is advised.
_SHORTEST_S: Final = 1.0

Ends = Literal["at once", "at expiry", "never"]


class Window(BaseModel):
    """When a credential ends after something happened, and how many seconds that leaves open at most.

    `seconds` is None where there is no bound: a copy that is used goes on being renewed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ends: Ends
    seconds: float | None

    def meets(self, within_s: float) -> bool:
        """Whether it ends so soon."""
        return self.seconds is not None and self.seconds <= within_s


def renewed_every_s(scheme: SchemeEntry, within_s: float | None) -> float | None:
    """How long a token lives that refreshing renews: as declared, or as short as the demand asks.

    None for schemes without refresh tokens: those are what asks the store now and then, and not on reads.
    """
    if scheme.store != "some":
        return None
    if within_s is None or within_s < _SHORTEST_S:
        return scheme.lifetime_s
    return min(within_s, scheme.lifetime_s)


def after_block(scheme: SchemeEntry, within_s: float | None = None) -> Window | None:
    """What is left open once an account was blocked; None where the servers do not say.

    Args:
        scheme: What it declares.
        within_s: How soon a block must bite: the life of tokens that are refreshed is set to that.
    """
    return _window(scheme, scheme.promises.get("block"), within_s)


def after_logout(scheme: SchemeEntry, within_s: float | None = None) -> Window | None:
    """What is left open to a copy of a credential that was logged out, as `after_block`."""
    return _window(scheme, scheme.promises.get("logout"), within_s)


def _window(scheme: SchemeEntry, promise: object, within_s: float | None) -> Window | None:
    if promise is None:
        return None
    if promise == "at once":
        return Window(ends="at once", seconds=0)
    if promise == "never" or _NO_END in scheme.waives:
        return Window(ends="never", seconds=None)
    return Window(ends="at expiry", seconds=renewed_every_s(scheme, within_s) or scheme.lifetime_s)
