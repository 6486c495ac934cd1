"""Revocable JWT as bearer token: every request checks a denylist in the store."""

# ruff: noqa: D102 - servers.credentials.scheme and servers.credentials.token_scheme document the methods

from typing import Any

from servers import signing_keys
from servers.credentials.bearer_transport import BearerTransport
from servers.credentials.guarantees import SERVER_SIDE
from servers.credentials.identity import Identity
from servers.credentials.scheme import About, Scheme
from servers.credentials.token_scheme import RevocableTokenScheme
from servers.credentials.tokens import Tokens
from servers.credentials.transport import Transport
from servers.settings import Settings
from servers.stores.connection import connect
from servers.stores.denylist import Denylist

ABOUT = About(
    title="HS256 JWT as bearer token, checked against a denylist in Redis",
    transport="bearer",
    read_command="EXISTS",
    promises=SERVER_SIDE,
)


class TokenDenylist(RevocableTokenScheme):
    """Scheme that accepts tokens not on the denylist; an index per account allows revoking all of them.

    Args:
        tokens: Signer and verifier of tokens.
        transport: Transport of the tokens.
        denylist: Revoked tokens.
    """

    def __init__(self, tokens: Tokens, transport: Transport, denylist: Denylist) -> None:
        super().__init__(tokens, transport, denylist)
        self._denylist = denylist

    async def admit(self, claims: dict[str, Any]) -> Identity:
        if await self._denylist.has(claims):
            raise self._transport.invalid()
        return Identity.of(claims)

    async def record_token(self, claims: dict[str, Any]) -> None:
        await self._denylist.index(claims)

    async def revoke_token(self, claims: dict[str, Any]) -> None:
        await self._denylist.add(claims)

    async def revoke_account(self, account_id: str) -> None:
        await self._denylist.add_account(account_id)


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    denylist = Denylist(connect(settings.redis_url), f"{settings.key_prefix}{name}:")
    tokens = Tokens(signing_keys.shared(settings.secrets), name, settings.lifetime_s)
    transport = BearerTransport(settings.max_credential_bytes)
    return TokenDenylist(tokens, transport, denylist)
