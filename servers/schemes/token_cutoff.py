"""A JWT as bearer, checked against the time at which its account's tokens were last ended, in the store."""

# ruff: noqa: D102 - servers.credentials.scheme and servers.credentials.token_scheme document the methods

import time
from dataclasses import replace
from typing import Any

from servers import signing_keys
from servers.credentials.bearer_transport import BearerTransport
from servers.credentials.guarantees import ASKED_FOR
from servers.credentials.identity import Identity
from servers.credentials.scheme import About, Scheme
from servers.credentials.token_scheme import TokenScheme
from servers.credentials.tokens import Tokens
from servers.credentials.transport import Transport
from servers.settings import Settings
from servers.stores.connection import connect
from servers.stores.revocation_cutoffs import Cutoffs

ABOUT = About(
    title="HS256 JWT as bearer, its time of issue checked against the account's cut-off in Redis",
    transport="bearer",
    read_command="GET",
    # A cut-off ends all tokens of an account, on every device, or none.
    promises=replace(ASKED_FOR, logout="at expiry"),
)


class TokenCutoff(TokenScheme):
    """Believes a token that is younger than its account's cut-off.

    Args:
        tokens: How tokens are signed and checked.
        transport: How they travel.
        cutoffs: When the tokens of each account were ended.
    """

    def __init__(self, tokens: Tokens, transport: Transport, cutoffs: Cutoffs) -> None:
        super().__init__(tokens, transport, cutoffs)
        self._cutoffs = cutoffs

    async def admit(self, claims: dict[str, Any]) -> Identity:
        if await self._cutoffs.covers(claims["sub"], claims["iat"]):
            raise self._transport.invalid()
        return Identity.of(claims)

    async def claims_for(self, identity: Identity) -> dict[str, Any]:
        """Return the claims, with the time to the microsecond, which RFC 7519 section 2 allows.

        In whole seconds a token issued just after a cut-off, to whoever just changed the password, would
        count as old, or one issued just before it as new.
        """
        return self._tokens.claims(identity) | {"iat": round(time.time(), 6)}

    async def revoke_account(self, account_id: str) -> None:
        await self._cutoffs.set(account_id)


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    tokens = Tokens(signing_keys.shared(settings.secrets), name, settings.lifetime_s)
    prefix = f"{settings.key_prefix}{name}:"
    cutoffs = Cutoffs(connect(settings.redis_url), prefix)
    return TokenCutoff(tokens, BearerTransport(settings.max_credential_bytes), cutoffs)
