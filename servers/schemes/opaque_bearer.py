"""Session in Redis with its id as bearer token: the same guarantees as `cookie`, without a cookie."""

# ruff: noqa: ARG002, D102 - servers.credentials.scheme documents the methods and their arguments

from typing import Final

from aiohttp import web

from servers.credentials.bearer_transport import BearerTransport
from servers.credentials.identity import Identity
from servers.credentials.scheme import SERVER_SIDE, About, Scheme
from servers.settings import Settings
from servers.stores.connection import store_of
from servers.stores.session_records import Record, SessionRecords

ABOUT = About(
    title="Redis session with its id as bearer token",
    transport="bearer",
    read_command="GETEX",
    promises=SERVER_SIDE,
)

_ISSUED: Final = web.RequestKey("issued", str)
_RECORD: Final = web.RequestKey("record", Record)


class OpaqueBearer(Scheme):
    """Scheme that identifies callers by a session in the store, and revokes by deleting it."""

    _backend: SessionRecords

    def __init__(self, transport: BearerTransport, records: SessionRecords) -> None:
        super().__init__(transport, records)

    async def identify(self, request: web.Request) -> Identity:
        record = await self._backend.read(self._transport.read(request))
        if record is None:
            raise self._transport.invalid()
        request[_RECORD] = record
        return Identity.of(record.fields)

    async def issue(
        self, request: web.Request, response: web.StreamResponse, identity: Identity
    ) -> dict[str, str | int]:
        session_id = request[_ISSUED] = self._backend.new_id()
        await self._backend.create(session_id, identity.sub, identity._asdict())
        replaced = self._transport.carried(request)
        if replaced:
            await self._backend.revoke(replaced)
        return self._transport.hand_out(response, session_id, self._backend.lifetime_s, session_id)

    async def update(self, request: web.Request, identity: Identity) -> None:
        record = request[_RECORD]
        fields = record.fields | identity._asdict()
        await self._backend.update(self._transport.read(request), record.stored, fields)

    async def revoke(self, request: web.Request, response: web.StreamResponse) -> None:
        session_id = request.get(_ISSUED) or self._transport.carried(request)
        if session_id:
            await self._backend.revoke(session_id)

    async def revoke_account(self, account_id: str) -> None:
        await self._backend.revoke_account(account_id)


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    records = SessionRecords(*store_of(name, settings), settings.lifetime_s)
    return OpaqueBearer(BearerTransport(settings.max_credential_bytes), records)
