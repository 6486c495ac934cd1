"""Session in Redis with its id as bearer token: the same guarantees as `cookie`, without a cookie."""

from servers.credentials.bearer_transport import BearerTransport
from servers.credentials.scheme import SERVER_SIDE, About, Scheme
from servers.credentials.session_scheme import SessionScheme
from servers.settings import Settings
from servers.stores.connection import store_of
from servers.stores.session_records import SessionRecords

ABOUT = About(
    title="Redis session with its id as bearer token",
    transport="bearer",
    read_command="GETEX",
    promises=SERVER_SIDE,
)


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    records = SessionRecords(*store_of(name, settings), settings.lifetime_s)
    return SessionScheme(BearerTransport(settings.max_credential_bytes), records)
