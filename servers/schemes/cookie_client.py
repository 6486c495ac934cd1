"""The session itself in the cookie, encrypted, by aiohttp-session's own storage: nothing is kept here.

There to be weighed; `ABOUT.waives` names what a session in a store does and this cannot, or does not.
"""

# ruff: noqa: ARG002, D102 - servers.credentials.scheme documents the methods, and what each is given

import base64
import hashlib
import logging
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import aiohttp_session
from aiohttp import web
from aiohttp_session import Session
from aiohttp_session.cookie_storage import EncryptedCookieStorage
from cryptography.fernet import Fernet, MultiFernet

from servers import contract
from servers.credentials.cookie_transport import CookieTransport
from servers.credentials.guarantees import SELF_CONTAINED
from servers.credentials.identity import Identity
from servers.credentials.scheme import About, Scheme
from servers.credentials.session_scheme import SessionScheme
from servers.settings import Settings

ABOUT = About(
    title="Session encrypted into a cookie (aiohttp-session as it comes)",
    transport="cookie",
    promises=replace(SELF_CONTAINED, logout="never"),  # a write with a copy gives a fresh one
    waives=(
        "absolute timeout",
        "cookie removal under TLS",
        "end of the replaced session",
        "idle timeout",
        "no lost update",
        "no resurrection",
    ),
)

#: Random bytes of the id that a CSRF token is bound to, and the session's field that holds it.
_ID_BYTES: Final = 16
_ID_FIELD: Final = "id"


class RotatingStorage(EncryptedCookieStorage):
    """The stock storage, with more keys than one: the first encrypts, all decrypt."""

    def __init__(
        self, secrets: Sequence[bytes], transport: CookieTransport, max_age: int, *, secure: bool
    ) -> None:
        keys = [
            Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"fernet:" + key).digest())) for key in secrets
        ]
        super().__init__(
            keys[0],
            cookie_name=transport.name,
            max_age=max_age,
            secure=secure,
            samesite="Lax",
        )
        self._fernet = MultiFernet(keys)  # type: ignore[assignment]  # has the two methods that are used


class CookieClient(SessionScheme):
    """Knows a caller by the session in the cookie; who keeps a copy of it can go on with that."""

    def binding(self, session: Session) -> str:
        return str(session[_ID_FIELD])

    async def identify(self, request: web.Request) -> Identity:
        self._transport.read(request)  # the storage would decrypt anything
        return await super().identify(request)

    async def issue(
        self, request: web.Request, response: web.StreamResponse, identity: Identity
    ) -> dict[str, str | int]:
        session = await aiohttp_session.new_session(request)
        session.update(identity._asdict())
        session[_ID_FIELD] = secrets.token_urlsafe(_ID_BYTES)
        return {"csrf_token": self._transport.csrf_token(self.binding(session))}

    async def revoke(self, request: web.Request, response: web.StreamResponse) -> None:
        session = await aiohttp_session.get_session(request)
        session.invalidate()


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    # Strangers' cookies would each leave a line.
    logging.getLogger(aiohttp_session.__name__).setLevel(logging.ERROR)
    transport = CookieTransport(name, settings)
    max_age = settings.lifetime_s or contract.ABSOLUTE_TIMEOUT_S
    storage = RotatingStorage(settings.secrets, transport, max_age, secure=settings.behind_tls)
    return CookieClient(storage, transport)
