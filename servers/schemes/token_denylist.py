"""Revocable JWT as bearer token: every request checks a denylist in the store."""

# ruff: noqa: D102 - servers.credentials.scheme and servers.credentials.token_scheme document the methods

from dataclasses import replace
from typing import Any

from servers.credentials.identity import Identity
from servers.credentials.scheme import SERVER_SIDE, About, Scheme
from servers.credentials.token_scheme import RevocableTokenScheme
from servers.settings import Settings
from servers.stores.connection import store_of
from servers.stores.denylist import Denylist

ABOUT = About(
    title="HS256 JWT as bearer token, checked against a denylist in Redis",
    transport="bearer",
    read_command="EXISTS",
    promises=replace(SERVER_SIDE, idle_timeout="none"),
)


class TokenDenylist(RevocableTokenScheme):
    """Scheme that accepts tokens not on the denylist; an index per account allows revoking all of them."""

    _backend: Denylist

    async def admit(self, claims: dict[str, Any]) -> Identity:
        if await self._backend.has(claims):
            raise self._transport.invalid()
        return Identity.of(claims)

    async def record_token(self, claims: dict[str, Any]) -> None:
        await self._backend.record(claims)

    async def revoke_token(self, claims: dict[str, Any]) -> None:
        await self._backend.revoke(claims)


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    return TokenDenylist.bearer(name, settings, Denylist(*store_of(name, settings)))
