"""JWT as bearer token with a session in the store under its id: verified first, then looked up."""

# ruff: noqa: D102 - servers.credentials.scheme and servers.credentials.token_scheme document the methods

from typing import Any

from aiohttp import web

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
from servers.stores.session_records import SessionRecords

ABOUT = About(
    title="HS256 JWT as bearer token, with a session in Redis under its id",
    transport="bearer",
    read_command="GETEX",
    promises=SERVER_SIDE,
)


class TokenStateful(RevocableTokenScheme):
    """Scheme that accepts a token while its session exists, and takes the identity from the session.

    Args:
        tokens: Signer and verifier of tokens.
        transport: Transport of the tokens.
        records: Sessions in the store, each under its token's `jti`.
    """

    def __init__(self, tokens: Tokens, transport: Transport, records: SessionRecords) -> None:
        super().__init__(tokens, transport, records)
        self._records = records

    async def admit(self, claims: dict[str, Any]) -> Identity:
        record = await self._records.read(claims["jti"])
        if record is None:
            raise self._transport.invalid()
        return Identity.of(record.fields)

    async def update(self, request: web.Request, identity: Identity) -> None:
        claims = self.claims_carried(request)
        record = await self._records.read(claims["jti"]) if claims else None
        if claims and record:
            await self._records.update(claims["jti"], record.stored, record.fields | identity._asdict())

    async def record_token(self, claims: dict[str, Any]) -> None:
        await self._records.create(claims["jti"], claims["sub"], Identity.of(claims)._asdict())

    async def revoke_token(self, claims: dict[str, Any]) -> None:
        await self._records.revoke(claims["jti"])

    async def revoke_account(self, account_id: str) -> None:
        await self._records.revoke_account(account_id)


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    tokens = Tokens(signing_keys.shared(settings.secrets), name, settings.lifetime_s)
    records = SessionRecords(
        connect(settings.redis_url), f"{settings.key_prefix}{name}:", settings.lifetime_s
    )
    return TokenStateful(tokens, BearerTransport(settings.max_credential_bytes), records)
