"""Base class of schemes with a session cookie, for any aiohttp-session storage."""

# ruff: noqa: D102 - servers.credentials.scheme documents the methods

import aiohttp_session
from aiohttp import web
from aiohttp_session import AbstractStorage, Session

from servers.credentials.cookie_transport import CookieTransport
from servers.credentials.identity import Identity
from servers.credentials.scheme import Backend, Scheme


class SessionScheme(Scheme):
    """Scheme that identifies callers by the session that aiohttp-session loads.

    Args:
        storage: Session storage of aiohttp-session.
        transport: Cookie with the session's id, or with the session itself.
        backend: Store of the sessions outside of this process; None if the cookie holds the session itself.
    """

    def __init__(
        self, storage: AbstractStorage, transport: CookieTransport, backend: Backend | None = None
    ) -> None:
        super().__init__(transport, backend)
        self._storage = storage

    def setup(self, app: web.Application) -> None:
        super().setup(app)
        aiohttp_session.setup(app, self._storage)

    def binding(self, session: Session) -> str:
        """Return the text that identifies `session`; its CSRF token is a signature of this text."""
        return str(session.identity)

    async def identify(self, request: web.Request) -> Identity:
        session = await aiohttp_session.get_session(request)
        if session.empty:
            raise self.unauthorized("not_authenticated")
        self._transport.check_csrf(request, self.binding(session))
        return Identity.of(session)

    async def update(self, request: web.Request, identity: Identity) -> None:
        session = await aiohttp_session.get_session(request)
        # aiohttp-session saves it after the handler has returned. Only a login may change the role.
        session.update(identity._replace(role=session["role"])._asdict())

    async def csrf_token(self, request: web.Request) -> str:
        await self.identify(request)
        session = await aiohttp_session.get_session(request)
        return self._transport.csrf_token(self.binding(session))
