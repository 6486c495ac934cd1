"""Session in Redis behind a cookie, which holds a random id that every request looks up in the store."""

# ruff: noqa: D102 - servers.credentials.scheme documents the methods

import aiohttp_session
from aiohttp import web
from aiohttp_session import Session

from servers.credentials.cookie_transport import CookieTransport
from servers.credentials.identity import Identity
from servers.credentials.scheme import SERVER_SIDE, About, Scheme
from servers.credentials.stock_session_scheme import StockSessionScheme
from servers.settings import Settings
from servers.stores.connection import store_of
from servers.stores.session_records import SessionRecords
from servers.stores.session_storage import SessionStorage

ABOUT = About(
    title="Redis session behind a cookie",
    transport="cookie",
    read_command="GETEX",
    promises=SERVER_SIDE,
)


class Cookie(StockSessionScheme):
    """Scheme that identifies callers by a session in the store, and revokes by deleting it."""

    _backend: SessionRecords

    def __init__(self, records: SessionRecords, transport: CookieTransport) -> None:
        super().__init__(SessionStorage(records, transport), transport, records)

    def set_id(self, session: Session) -> None:
        """Keep the id that the storage gave the session."""

    async def identify(self, request: web.Request) -> Identity:
        session = await aiohttp_session.get_session(request)
        if session.empty:
            raise self.unauthorized("not_authenticated")
        self._transport.check_csrf(request, self.binding(session))
        return Identity.of(session)

    async def issue(
        self, request: web.Request, response: web.StreamResponse, identity: Identity
    ) -> dict[str, str | int]:
        session = await aiohttp_session.new_session(request)
        session.update(identity._asdict())
        await self._storage.save_session(request, response, session)
        return {"csrf_token": self._transport.csrf_token(self.binding(session))}

    async def revoke(self, request: web.Request, response: web.StreamResponse) -> None:
        session = await aiohttp_session.get_session(request)
        session.invalidate()
        await self._storage.save_session(request, response, session)

    async def revoke_account(self, account_id: str) -> None:
        await self._backend.revoke_account(account_id)


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    records = SessionRecords(*store_of(name, settings), settings.lifetime_s)
    return Cookie(records, CookieTransport(name, settings))
