"""A stateless JWT as bearer: everything the server needs to know is in the token, so it asks nobody."""

# ruff: noqa: ARG002, D102 - servers.scheme documents the methods, and what each is given

from aiohttp import web

from servers import contract
from servers.bearer_transport import BearerTransport
from servers.identity import Identity
from servers.scheme import About, Promises, Scheme
from servers.settings import Settings
from servers.tokens import InvalidTokenError, Tokens

ABOUT = About(
    title="Stateless HS256 JWT as bearer",
    transport="bearer",
    read_path=contract.RESTRICTED,
    promises=Promises(
        logout="at expiry",
        role_change="at next issue",
        block="at next issue",
        password_change="at next issue",  # noqa: S106 - no password
        store="none",
        minted_elsewhere=False,
        verified_elsewhere=False,
    ),
)


class Token(Scheme):
    """Believes a token that it signed until it expires; nothing ends one sooner."""

    def __init__(self, tokens: Tokens, transport: BearerTransport) -> None:
        self._tokens = tokens
        self._transport = transport

    async def identify(self, request: web.Request) -> Identity:
        try:
            return Identity.of(self._tokens.verify(self._transport.read(request)))
        except InvalidTokenError:
            raise self._transport.invalid() from None

    async def issue(
        self, request: web.Request, response: web.StreamResponse, identity: Identity
    ) -> dict[str, str | int]:
        return self._transport.hand_out(self._tokens.mint(identity), self._tokens.lifetime_s)

    def unauthorized(self, code: str) -> web.HTTPUnauthorized:
        return self._transport.unauthorized(code)

    def forbidden(self) -> web.HTTPForbidden:
        return self._transport.forbidden()


def build(name: str, settings: Settings) -> Scheme:  # noqa: ARG001 - the same for every scheme
    """Return the scheme."""
    return Token(Tokens(settings.secrets), BearerTransport(settings.max_credential_bytes))
