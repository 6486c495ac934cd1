"""Revocation guarantees of schemes, checked for each scheme by `tests/servers/test_promises.py`."""

from dataclasses import dataclass
from typing import Final, Literal

Effect = Literal["at once", "at next issue"]


@dataclass(frozen=True)
class Promises:
    """Guarantees of a scheme.

    Attributes:
        logout: When a logged-out credential stops working.
        role_change: When a change of role takes effect for a credential.
        block: When a block takes effect: for existing credentials, or only at the next login.
        password_change: When the other credentials of an account stop working after a password change.
        store: Requests that need the store.
        minted_elsewhere: Whether a process that shares no secret with this one can issue credentials.
        verified_elsewhere: Whether a process that cannot issue credentials can verify them.
        database: Requests that read the accounts, or an equivalent table.
    """

    logout: Literal["at once", "at expiry", "never"]
    role_change: Effect
    block: Effect
    password_change: Effect
    store: Literal["every request", "some", "none"]
    minted_elsewhere: bool = False
    verified_elsewhere: bool = False
    database: Literal["every request", "logins and writes"] = "logins and writes"


#: Credentials that are looked up in the store on every request, and so can be revoked there.
SERVER_SIDE: Final = Promises(
    logout="at once",
    role_change="at once",
    block="at once",
    password_change="at once",  # noqa: S106 - not a password
    store="every request",
)

#: Self-contained credentials, which stay valid until they expire.
SELF_CONTAINED: Final = Promises(
    logout="at expiry",
    role_change="at next issue",
    block="at next issue",
    password_change="at next issue",  # noqa: S106 - not a password
    store="none",
)
