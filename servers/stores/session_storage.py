"""Storage for aiohttp-session with the protections that its stock Redis storage lacks.

Ids are stored hashed, sessions have an idle timeout, a write changes only the modified fields, a revoked
session stays revoked, and nothing is written or set if nothing changed.
"""

import time
from typing import cast

from aiohttp import web
from aiohttp_session import AbstractStorage, Session

from servers.credentials.cookie_transport import CookieTransport
from servers.stores.session_records import SessionRecords


class StoredSession(Session):
    """Session with the record it was read from, so that its changes can be determined."""

    stored: bytes = b""

    def saved(self) -> None:
        """Mark the session as unchanged, since the store has its current state."""
        self._changed = False


class SessionStorage(AbstractStorage):
    """Storage of sessions in `records` and of their ids in the cookie of `transport`.

    Its methods raise `web.HTTPServiceUnavailable` while the store does not answer.
    """

    def __init__(self, records: SessionRecords, transport: CookieTransport) -> None:
        super().__init__(cookie_name=transport.name, max_age=records.lifetime_s)
        self._records = records
        self._transport = transport

    async def new_session(self) -> StoredSession:
        """Return an empty session with a new id."""
        return StoredSession(self._records.new_id(), data=None, new=True, max_age=self.max_age)

    async def load_session(self, request: web.Request) -> StoredSession:
        """Return the session of the id in `request`; a new session if there is none."""
        session_id = self._transport.carried(request)
        record = await self._records.read(session_id) if session_id else None
        if record is None:
            return await self.new_session()
        session = StoredSession(
            session_id,
            data={"created": int(time.time()), "session": record.fields},
            new=False,
            max_age=self.max_age,
        )
        session.stored = record.stored
        return session

    async def save_session(
        self, request: web.Request, response: web.StreamResponse, session: Session
    ) -> None:
        """Store the changes. A new session (of the account `sub`) replaces and revokes the request's."""
        session = cast(StoredSession, session)
        session_id = str(session.identity)
        if session.empty:
            await self._records.revoke(session_id)
            self._transport.remove(response)
        elif session.new:
            await self._records.create(session_id, session["sub"], session)
            replaced = self._transport.carried(request)
            if replaced and replaced != session_id:
                await self._records.revoke(replaced)
            self._transport.set(response, session_id, self._records.lifetime_s)
        else:
            await self._records.update(session_id, session.stored, session)
        session.saved()
