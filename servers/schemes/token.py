"""Stateless JWT as bearer token: the token holds all that the server needs, so it queries no store."""

from servers import signing_keys
from servers.credentials.bearer_transport import BearerTransport
from servers.credentials.guarantees import SELF_CONTAINED
from servers.credentials.scheme import About, Scheme
from servers.credentials.token_scheme import TokenScheme
from servers.credentials.tokens import Tokens
from servers.settings import Settings

ABOUT = About(
    title="Stateless HS256 JWT as bearer token",
    transport="bearer",
    promises=SELF_CONTAINED,
)


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    tokens = Tokens(signing_keys.shared(settings.secrets), name, settings.lifetime_s)
    return TokenScheme(tokens, BearerTransport(settings.max_credential_bytes))
