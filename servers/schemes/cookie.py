"""Session in Redis behind a cookie, which holds a random id that every request looks up in the store."""

from servers.credentials.cookie_transport import CookieTransport
from servers.credentials.scheme import SERVER_SIDE, About, Scheme
from servers.credentials.session_scheme import SessionScheme
from servers.settings import Settings
from servers.stores.connection import store_of
from servers.stores.session_records import SessionRecords

ABOUT = About(
    title="Redis session behind a cookie",
    transport="cookie",
    read_command="GETEX",
    promises=SERVER_SIDE,
)


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    records = SessionRecords(*store_of(name, settings), settings.lifetime_s)
    return SessionScheme(CookieTransport(name, settings), records)
