"""Stateless JWT as bearer token: the token holds all that the server needs, so it queries no store."""

from servers.credentials.scheme import SELF_CONTAINED, About, Scheme
from servers.credentials.token_scheme import TokenScheme
from servers.settings import Settings

ABOUT = About(
    title="Stateless HS256 JWT as bearer token",
    transport="bearer",
    promises=SELF_CONTAINED,
)


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    return TokenScheme.bearer(name, settings)
