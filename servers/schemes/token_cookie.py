"""Stateless JWT in a cookie: no server-side state, unreadable for scripts, and writes need a CSRF token."""

from servers import signing_keys
from servers.credentials.cookie_transport import CookieTransport
from servers.credentials.scheme import SELF_CONTAINED, About, Scheme
from servers.credentials.token_scheme import TokenScheme
from servers.credentials.tokens import Tokens
from servers.settings import Settings

ABOUT = About(
    title="Stateless HS256 JWT in an HttpOnly cookie",
    transport="cookie",
    promises=SELF_CONTAINED,
)


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    return TokenScheme(
        Tokens(signing_keys.shared(settings.secrets), name, settings.lifetime_s),
        CookieTransport(name, settings),
    )
