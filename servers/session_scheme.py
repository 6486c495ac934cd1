"""What every scheme does that keeps a session behind a cookie, wherever and however the session is kept."""

# ruff: noqa: D102 - servers.scheme documents the methods

import aiohttp_session
from aiohttp import web
from aiohttp_session import AbstractStorage
from redis.asyncio import Redis

from servers.cookie_transport import CookieTransport
from servers.identity import Identity
from servers.scheme import Scheme


class SessionScheme(Scheme):
    """Knows a caller by the session that aiohttp-session finds.

    Args:
        redis: The store; closed with the application.
        storage: Where aiohttp-session keeps sessions.
        transport: How a session's id travels.
    """

    def __init__(self, redis: Redis, storage: AbstractStorage, transport: CookieTransport) -> None:
        self._redis = redis
        self._storage = storage
        self._transport = transport

    def setup(self, app: web.Application) -> None:
        aiohttp_session.setup(app, self._storage)
        app.on_cleanup.append(self._close)

    async def identify(self, request: web.Request) -> Identity:
        session = await aiohttp_session.get_session(request)
        if session.empty:
            raise self.unauthorized("not_authenticated")
        self._transport.check_csrf(request, str(session.identity))
        return Identity.of(session)

    async def update(self, request: web.Request, identity: Identity) -> None:
        session = await aiohttp_session.get_session(request)
        session.update(identity._asdict())  # saved once the handler has answered

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
