"""What schemes promise of a credential's end; `tests/servers/test_promises.py` holds each to its own."""

from dataclasses import dataclass
from typing import Final, Literal

Bites = Literal["at once", "at next issue"]


@dataclass(frozen=True)
class Promises:
    """What a scheme promises.

    Attributes:
        logout: When a credential stops working that was logged out.
        role_change: When a change of role shows in what a credential may do.
        block: When a disabled account is kept out: its credentials at once, or only the next login.
        password_change: When the other credentials of an account end whose password changed.
        store: Which requests need the store.
        minted_elsewhere: Whether a process that shares no secret with this one can issue credentials.
        verified_elsewhere: Whether a process that could not issue credentials can check them.
        database: Which requests read the accounts, or what stands for them.
    """

    logout: Literal["at once", "at expiry", "never"]
    role_change: Bites
    block: Bites
    password_change: Bites
    store: Literal["every request", "some", "none"]
    minted_elsewhere: bool = False
    verified_elsewhere: bool = False
    database: Literal["every request", "logins and writes"] = "logins and writes"


#: Of what is asked for in the store on every request, and so can be ended there.
ASKED_FOR: Final = Promises(
    logout="at once",
    role_change="at once",
    block="at once",
    password_change="at once",  # noqa: S106 - no password
    store="every request",
)

#: Of what says all by itself, and so is good until it expires.
SELF_CONTAINED: Final = Promises(
    logout="at expiry",
    role_change="at next issue",
    block="at next issue",
    password_change="at next issue",  # noqa: S106 - no password
    store="none",
)
