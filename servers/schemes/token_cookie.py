"""A stateless JWT in a cookie: nothing is kept here, scripts cannot read it, and writes need a CSRF proof."""

from servers import signing_keys
from servers.cookie_transport import CookieTransport
from servers.promises import SELF_CONTAINED
from servers.scheme import About, Scheme
from servers.settings import Settings
from servers.token_scheme import TokenScheme
from servers.tokens import Tokens

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
