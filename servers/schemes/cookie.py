"""A session in Redis behind a cookie: the cookie says nothing, and the store is asked on every request."""

# ruff: noqa: D102 - servers.scheme documents the methods

import aiohttp_session
from aiohttp import web

from servers import contract
from servers.cookie_transport import CookieTransport
from servers.identity import Identity
from servers.scheme import About, Promises, Scheme
from servers.session_records import SessionRecords
from servers.session_storage import SessionStorage
from servers.settings import Settings
from servers.store import connect

ABOUT = About(
    title="Redis session behind a cookie (aiohttp-session)",
    transport="cookie",
    read_path=contract.RESTRICTED,
    promises=Promises(
        logout="at once",
        role_change="at once",
        block="at once",
        password_change="at once",  # noqa: S106 - no password
        store="every request",
        minted_elsewhere=False,
        verified_elsewhere=False,
    ),
)


class Cookie(Scheme):
    """Knows a caller by the session in the store; deleting that ends it."""

    def __init__(self, settings: Settings, transport: CookieTransport, prefix: str) -> None:
        self._redis = connect(settings.redis_url)
        self._records = SessionRecords(self._redis, prefix)
        self._storage = SessionStorage(self._records, transport)
        self._transport = transport

    def setup(self, app: web.Application) -> None:
        aiohttp_session.setup(app, self._storage)
        app.on_cleanup.append(self._close)

    async def ready(self) -> None:
        await self._records.ping()

    async def identify(self, request: web.Request) -> Identity:
        session = await aiohttp_session.get_session(request)
        if session.empty:
            raise self.unauthorized("not_authenticated")
        self._transport.check_csrf(request, str(session.identity))
        return Identity.of(session)

    async def issue(
        self, request: web.Request, response: web.StreamResponse, identity: Identity
    ) -> dict[str, str | int]:
        session = await aiohttp_session.new_session(request)
        session.update(identity._asdict())
        await self._storage.save_session(request, response, session)
        return {"csrf_token": self._transport.csrf_token(str(session.identity))}

    async def update(self, request: web.Request, identity: Identity) -> None:
        session = await aiohttp_session.get_session(request)
        session.update(identity._asdict())  # saved, field by field, once the handler has answered

    async def end(self, request: web.Request, response: web.StreamResponse) -> None:
        session = await aiohttp_session.get_session(request)
        session.invalidate()
        await self._storage.save_session(request, response, session)

    async def end_account(self, account_id: str) -> None:
        await self._records.end_account(account_id)

    def check_login_origin(self, request: web.Request) -> None:
        self._transport.check_login_origin(request)

    async def csrf_token(self, request: web.Request) -> str:
        await self.identify(request)
        session = await aiohttp_session.get_session(request)
        return self._transport.csrf_token(str(session.identity))

    def unauthorized(self, code: str) -> web.HTTPUnauthorized:
        return self._transport.unauthorized(code)

    def forbidden(self) -> web.HTTPForbidden:
        return self._transport.forbidden()

    async def _close(self, _: web.Application) -> None:
        await self._redis.aclose()


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    transport = CookieTransport(
        name, settings.secrets, behind_tls=settings.behind_tls, max_bytes=settings.max_credential_bytes
    )
    return Cookie(settings, transport, f"{settings.key_prefix}{name}:")
