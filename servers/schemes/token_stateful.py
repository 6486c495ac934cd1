"""JWT as bearer token with a session in the store under its id: verified first, then looked up."""

# ruff: noqa: D102 - servers.credentials.scheme and servers.credentials.token_scheme document the methods

from typing import Any

from aiohttp import web

from servers.credentials.identity import Identity
from servers.credentials.scheme import SERVER_SIDE, About, Scheme
from servers.credentials.token_scheme import CARRIED, RevocableTokenScheme
from servers.settings import Settings
from servers.stores.connection import store_of
from servers.stores.session_records import SessionRecords

ABOUT = About(
    title="HS256 JWT as bearer token, with a session in Redis under its id",
    transport="bearer",
    read_command="GETEX",
    promises=SERVER_SIDE,
)


class TokenStateful(RevocableTokenScheme):
    """Scheme that accepts a token while its session exists, and takes the identity from the session."""

    _backend: SessionRecords  # each session under its token's `jti`

    async def admit(self, claims: dict[str, Any]) -> Identity:
        record = await self._backend.read(claims["jti"])
        if record is None:
            raise self._transport.invalid()
        return Identity.of(record.fields)

    async def update(self, request: web.Request, identity: Identity) -> None:
        claims = request[CARRIED]
        record = await self._backend.read(claims["jti"])
        if record is not None:
            # The role is kept: only a login grants rights.
            fields = record.fields | identity._replace(role=record.fields["role"])._asdict()
            await self._backend.update(claims["jti"], record.stored, fields)

    async def record_token(self, claims: dict[str, Any]) -> None:
        await self._backend.create(claims["jti"], claims["sub"], Identity.of(claims)._asdict())

    async def revoke_token(self, claims: dict[str, Any]) -> None:
        await self._backend.revoke(claims["jti"])


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    records = SessionRecords(*store_of(name, settings), settings.lifetime_s)
    return TokenStateful.bearer(name, settings, records)
