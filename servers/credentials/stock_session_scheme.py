"""Base class of schemes with a session in a stock storage of aiohttp-session, which saves it by itself."""

# ruff: noqa: ARG002, D102 - servers.credentials.scheme documents the methods and their arguments

import abc

import aiohttp_session
from aiohttp import web
from aiohttp_session import Session

from servers.credentials.identity import Identity
from servers.credentials.session_scheme import SessionScheme


class StockSessionScheme(SessionScheme):
    """Scheme that identifies callers by the session in a stock storage."""

    @abc.abstractmethod
    def set_id(self, session: Session) -> None:
        """Give a new session the id that its CSRF token is bound to (see `binding`)."""

    async def identify(self, request: web.Request) -> Identity:
        self._transport.read(request)  # applies the size limit, which the storage lacks
        return await super().identify(request)

    async def issue(
        self, request: web.Request, response: web.StreamResponse, identity: Identity
    ) -> dict[str, str | int]:
        session = await aiohttp_session.new_session(request)
        session.update(identity._asdict())
        self.set_id(session)
        return {"csrf_token": self._transport.csrf_token(self.binding(session))}

    async def revoke(self, request: web.Request, response: web.StreamResponse) -> None:
        session = await aiohttp_session.get_session(request)
        session.invalidate()
