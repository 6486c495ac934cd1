"""No authentication: the server that the costs of all schemes are compared with."""

# ruff: noqa: ARG002, D102 - servers.credentials.scheme documents the methods and their arguments

from dataclasses import replace

from aiohttp import web

from servers import contract
from servers.credentials.bearer_transport import BearerTransport
from servers.credentials.identity import Identity
from servers.credentials.scheme import SERVER_SIDE, About, Scheme
from servers.settings import Settings

ABOUT = About(
    title="No authentication",
    transport="none",
    read_path=contract.PUBLIC,
    promises=replace(SERVER_SIDE, store="none"),  # trivially true: there are no credentials
)


class Anonymous(Scheme):
    """Scheme that issues no credentials and accepts none."""

    async def identify(self, request: web.Request) -> Identity:
        raise self.unauthorized("not_authenticated")

    async def issue(
        self, request: web.Request, response: web.StreamResponse, identity: Identity
    ) -> dict[str, str | int]:
        return {}


def build(name: str, settings: Settings) -> Scheme:  # noqa: ARG001 - the same for every scheme
    """Return the scheme."""
    return Anonymous(BearerTransport(settings.max_credential_bytes))
