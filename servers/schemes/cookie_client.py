"""Session in an encrypted cookie, by aiohttp-session's storage: the server keeps no state.

For comparison only; `ABOUT.waives` lists the protections of a session in a store that this scheme lacks.
"""

# ruff: noqa: D102 - servers.credentials.session_scheme and .stock_session_scheme document the methods

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
from servers.credentials.scheme import SELF_CONTAINED, About, Scheme
from servers.credentials.stock_session_scheme import StockSessionScheme
from servers.settings import Settings

ABOUT = About(
    title="Session in an encrypted cookie (stock aiohttp-session)",
    transport="cookie",
    promises=replace(SELF_CONTAINED, logout="never"),  # a write renews a copied cookie
    waives=(
        "absolute timeout",
        "cookie removal under TLS",
        "end of the replaced session",
        "idle timeout",
        "no lost update",
        "no resurrection",
    ),
)

#: Random bytes of the id that the CSRF token is bound to, and the session field that holds it.
_ID_BYTES: Final = 16
_ID_FIELD: Final = "id"


class RotatingStorage(EncryptedCookieStorage):
    """Stock storage with several keys: the first encrypts, all decrypt."""

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
        # Private to aiohttp-session, which takes a single key: nothing public rotates keys.
        self._fernet = MultiFernet(keys)  # type: ignore[assignment]  # has both methods that are used
        self._transport = transport

    def load_cookie(self, request: web.Request) -> str | None:
        """Return the cookie's value as the transport reads it, without cookies planted by other hosts."""
        return self._transport.carried(request)


class CookieClient(StockSessionScheme):
    """Scheme that identifies callers by the session in the cookie; copies of it stay valid after logout."""

    def binding(self, session: Session) -> str:
        return str(session[_ID_FIELD])

    def set_id(self, session: Session) -> None:
        session[_ID_FIELD] = secrets.token_urlsafe(_ID_BYTES)


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    # Otherwise every invalid cookie would be logged.
    logging.getLogger(aiohttp_session.__name__).setLevel(logging.ERROR)
    transport = CookieTransport(name, settings)
    max_age = settings.lifetime_s or contract.ABSOLUTE_TIMEOUT_S
    storage = RotatingStorage(settings.secrets, transport, max_age, secure=settings.behind_tls)
    return CookieClient(storage, transport)
