"""Scheme with sessions in the store: their ids are the credentials, in a cookie or as bearer tokens."""

# ruff: noqa: D102 - servers.credentials.scheme documents the methods

from typing import Final

from aiohttp import web

from servers.credentials.identity import Identity
from servers.credentials.scheme import Scheme
from servers.credentials.transport import Transport
from servers.stores.session_records import Record, SessionRecords

_ISSUED: Final = web.RequestKey("issued", str)
_RECORD: Final = web.RequestKey("record", Record)


class SessionScheme(Scheme):
    """Scheme that identifies callers by a session in the store, and revokes by deleting it."""

    _backend: SessionRecords

    def __init__(self, transport: Transport, records: SessionRecords) -> None:
        super().__init__(transport, records)

    async def identify(self, request: web.Request) -> Identity:
        session_id = self._transport.read(request)
        record = await self._backend.read(session_id)
        if record is None:
            raise self._transport.invalid()
        self._transport.check_csrf(request, session_id)
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
        # The role is kept: only a login grants rights.
        fields = record.fields | identity._replace(role=record.fields["role"])._asdict()
        await self._backend.update(self._transport.read(request), record.stored, fields)

    async def revoke(self, request: web.Request, response: web.StreamResponse) -> None:
        session_id = request.get(_ISSUED) or self._transport.carried(request)
        if session_id:
            await self._backend.revoke(session_id)
        self._transport.remove(response)

    async def revoke_account(self, account_id: str) -> None:
        await self._backend.revoke_account(account_id)

    async def csrf_token(self, request: web.Request) -> str:
        return self._transport.csrf_token(self._transport.read(request))
