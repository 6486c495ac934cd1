"""What every scheme does that keeps a session behind a cookie, wherever and however the session is kept."""

# ruff: noqa: D102 - servers.credentials.scheme documents the methods

import aiohttp_session
from aiohttp import web
from aiohttp_session import AbstractStorage, Session

from servers.credentials.cookie_transport import CookieTransport
from servers.credentials.identity import Identity
from servers.credentials.scheme import Keeper, Scheme


class SessionScheme(Scheme):
    """Knows a caller by the session that aiohttp-session finds.

    Args:
        storage: Where aiohttp-session keeps sessions.
        transport: How a session's id travels, or the session itself.
        keeper: What is kept outside of this process; None where nothing is.
    """

    def __init__(
        self, storage: AbstractStorage, transport: CookieTransport, keeper: Keeper | None = None
    ) -> None:
        super().__init__(transport, keeper)
        self._storage = storage

    def setup(self, app: web.Application) -> None:
        super().setup(app)
        aiohttp_session.setup(app, self._storage)

    def binding(self, session: Session) -> str:
        """Return the text that names `session`, to which its CSRF token is bound."""
        return str(session.identity)

    async def identify(self, request: web.Request) -> Identity:
        session = await aiohttp_session.get_session(request)
        if session.empty:
            raise self.unauthorized("not_authenticated")
        self._transport.check_csrf(request, self.binding(session))
        return Identity.of(session)

    async def update(self, request: web.Request, identity: Identity) -> None:
        session = await aiohttp_session.get_session(request)
        # Saved once the handler has answered. The role stays: rights come by a login alone.
        session.update(identity._replace(role=session["role"])._asdict())

    async def csrf_token(self, request: web.Request) -> str:
        await self.identify(request)
        session = await aiohttp_session.get_session(request)
        return self._transport.csrf_token(self.binding(session))
