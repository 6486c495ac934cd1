"""Base class of schemes with a session in a stock storage of aiohttp-session, which saves it by itself."""

# ruff: noqa: ARG002, D102 - servers.credentials.scheme documents the methods and their arguments

import abc

import aiohttp_session
from aiohttp import web
from aiohttp_session import AbstractStorage, Session

from servers.credentials.cookie_transport import CookieTransport
from servers.credentials.identity import Identity
from servers.credentials.scheme import Backend, Scheme


class StockSessionScheme(Scheme):
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
        # Outside of the guard, which loads the session.
        app.middlewares.insert(0, aiohttp_session.session_middleware(self._storage))

    @abc.abstractmethod
    def set_id(self, session: Session) -> None:
        """Give a new session the id that its CSRF token is bound to (see `binding`)."""

    def binding(self, session: Session) -> str:
        """Return the text that identifies `session`; its CSRF token is a signature of this text."""
        return str(session.identity)

    async def identify(self, request: web.Request) -> Identity:
        self._transport.read(request)  # applies the size limit, which the storage lacks
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
        self.set_id(session)
        return {"csrf_token": self._transport.csrf_token(self.binding(session))}

    async def update(self, request: web.Request, identity: Identity) -> None:
        session = await aiohttp_session.get_session(request)
        # aiohttp-session saves it after the handler has returned. Only a login may change the role.
        session.update(identity._replace(role=session["role"])._asdict())

    async def revoke(self, request: web.Request, response: web.StreamResponse) -> None:
        session = await aiohttp_session.get_session(request)
        session.invalidate()

    async def csrf_token(self, request: web.Request) -> str:
        session = await aiohttp_session.get_session(request)
        return self._transport.csrf_token(self.binding(session))
