"""No authentication at all: the floor that the cost of every scheme stands on."""

# ruff: noqa: ARG002, D102 - servers.credentials.scheme documents the methods, and what each is given

from aiohttp import web

from servers import contract
from servers.credentials.bearer_transport import BearerTransport
from servers.credentials.guarantees import Promises
from servers.credentials.identity import Identity
from servers.credentials.scheme import About, Scheme
from servers.settings import Settings

ABOUT = About(
    title="No credential: the floor",
    transport="none",
    read_path=contract.PUBLIC,
    promises=Promises(
        logout="at once",  # these hold for want of a credential
        role_change="at once",
        block="at once",
        password_change="at once",  # noqa: S106 - no password
        store="none",
    ),
)


class Anonymous(Scheme):
    """Issues nothing and lets nobody in."""

    async def identify(self, request: web.Request) -> Identity:
        raise self.unauthorized("not_authenticated")

    async def issue(
        self, request: web.Request, response: web.StreamResponse, identity: Identity
    ) -> dict[str, str | int]:
        return {}


def build(name: str, settings: Settings) -> Scheme:  # noqa: ARG001 - the same for every scheme
    """Return the scheme."""
    return Anonymous(BearerTransport(settings.max_credential_bytes))
