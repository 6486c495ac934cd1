"""How long a revoked credential goes on working, by what its scheme declares. Pure.

Servers are held to their promises by tests of their own (`tests/servers/test_promises.py`).
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from harness.arms import Scheme

#: What a scheme waives whose credentials may be renewed for ever, by themselves.
_NO_END: Final = "absolute timeout"

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


def after_block(scheme: Scheme) -> Window | None:
    """What is left open once an account was blocked; None where the servers do not say."""
    return _window(scheme, scheme.promises.get("block"))


def after_logout(scheme: Scheme) -> Window | None:
    """What is left open to a copy of a credential that was logged out; None where the servers do not say."""
    return _window(scheme, scheme.promises.get("logout"))


def _window(scheme: Scheme, promise: object) -> Window | None:
    if promise is None:
        return None
    if promise == "at once":
        return Window(ends="at once", seconds=0)
    if promise == "never" or _NO_END in scheme.waives:
        return Window(ends="never", seconds=None)
    return Window(ends="at expiry", seconds=scheme.lifetime_s)
