"""JWT as bearer token, checked against the time of its account's last revocation, in the store."""

# ruff: noqa: D102 - servers.credentials.scheme and servers.credentials.token_scheme document the methods

import time
from dataclasses import replace
from typing import Any

from servers.credentials.identity import Identity
from servers.credentials.scheme import SERVER_SIDE, About, Scheme
from servers.credentials.token_scheme import BackedTokenScheme
from servers.settings import Settings
from servers.stores.connection import store_of
from servers.stores.revocation_cutoffs import Cutoffs

ABOUT = About(
    title="HS256 JWT as bearer token, issued after the account's cut-off time in Redis",
    transport="bearer",
    read_command="GET",
    # A cut-off revokes all tokens of an account, on all devices, so a logout cannot use it.
    promises=replace(SERVER_SIDE, logout="at expiry", idle_timeout="none"),
)


class TokenCutoff(BackedTokenScheme):
    """Scheme that accepts tokens issued after their account's cut-off."""

    _backend: Cutoffs

    async def admit(self, claims: dict[str, Any]) -> Identity:
        if await self._backend.covers(claims["sub"], claims["iat"]):
            raise self._transport.invalid()
        return Identity.of(claims)

    async def claims_for(self, identity: Identity) -> dict[str, Any]:
        """Return the claims, with the time to the microsecond, which RFC 7519 section 2 allows.

        With whole seconds, the token issued just after a password change would count as revoked, or a token
        issued just before the cut-off as valid.
        """
        return self._tokens.claims(identity) | {"iat": round(time.time(), 6)}


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    return TokenCutoff.bearer(name, settings, Cutoffs(*store_of(name, settings)))
