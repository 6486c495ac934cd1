"""A JWT as bearer, checked against the time at which its account's tokens were last ended, in the store."""

# ruff: noqa: D102 - servers.scheme and servers.token_scheme document the methods

import time
from dataclasses import replace
from typing import Any

from servers import signing_keys
from servers.bearer_transport import BearerTransport
from servers.cutoffs import Cutoffs
from servers.identity import Identity
from servers.promises import ASKED_FOR
from servers.scheme import About, Scheme
from servers.settings import Settings
from servers.store_connection import connect
from servers.token_scheme import TokenScheme
from servers.tokens import Tokens
from servers.transport import Transport

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

    async def end_account(self, account_id: str) -> None:
        await self._cutoffs.set(account_id)


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    tokens = Tokens(signing_keys.shared(settings.secrets), name, settings.lifetime_s)
    prefix = f"{settings.key_prefix}{name}:"
    cutoffs = Cutoffs(connect(settings.redis_url), prefix)
    return TokenCutoff(tokens, BearerTransport(settings.max_credential_bytes), cutoffs)
