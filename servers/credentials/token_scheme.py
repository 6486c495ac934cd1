"""Base classes of schemes with a JWT as credential, for any transport and any additional check."""

# ruff: noqa: ARG002, D102 - servers.credentials.scheme documents the methods and their arguments

import abc
from typing import Any, Final, Protocol, Self

from aiohttp import web

from servers import signing_keys
from servers.credentials.bearer_transport import BearerTransport
from servers.credentials.identity import Identity
from servers.credentials.scheme import Backend, Scheme
from servers.credentials.tokens import InvalidTokenError, Tokens
from servers.credentials.transport import Transport
from servers.http.responses import error
from servers.settings import Settings

#: Claims of the token that a request carries, and of the one that was issued in response to it.
CARRIED: Final = web.RequestKey("carried", dict[str, Any])
ISSUED: Final = web.RequestKey("issued", dict[str, Any])


class RevocationBackend(Backend, Protocol):
    """Storage that can revoke tokens."""

    async def revoke_account(self, account_id: str) -> None:
        """Revoke all tokens of an account."""


class TokenScheme(Scheme):
    """Scheme that accepts its tokens until they expire; subclasses add checks in `admit`.

    Args:
        tokens: Signer and verifier of tokens.
        transport: Transport of the tokens.
        backend: Storage outside of this process; None if the scheme has none.
    """

    def __init__(self, tokens: Tokens, transport: Transport, backend: Backend | None = None) -> None:
        super().__init__(transport, backend)
        self._tokens = tokens

    @classmethod
    def bearer(cls, name: str, settings: Settings, *backend: Any) -> Self:
        """Return the scheme `name` with HS256 tokens as bearer tokens, and its backend if it needs one."""
        tokens = Tokens(signing_keys.shared(settings.secrets), name, settings.lifetime_s)
        return cls(tokens, BearerTransport(settings.max_credential_bytes), *backend)

    async def admit(self, claims: dict[str, Any]) -> Identity:
        """Return the identity for the claims of a verified token.

        Raises:
            web.HTTPUnauthorized: The token was revoked.
        """
        return Identity.of(claims)

    async def claims_for(self, identity: Identity) -> dict[str, Any]:
        """Return the claims of a new token for `identity`."""
        return self._tokens.claims(identity)

    def check_issues(self) -> None:
        if not self._tokens.can_sign:
            raise error(web.HTTPNotFound, "not_offered")

    async def identify(self, request: web.Request) -> Identity:
        try:
            claims = request[CARRIED] = self._tokens.verify(self._transport.read(request))
        except InvalidTokenError:
            raise self._transport.invalid() from None
        self._transport.check_csrf(request, claims["jti"])
        return await self.admit(claims)

    async def issue(
        self, request: web.Request, response: web.StreamResponse, identity: Identity
    ) -> dict[str, str | int]:
        claims = await self.claims_for(identity)
        request[ISSUED] = claims
        token = self._tokens.sign(claims)
        return self._transport.hand_out(response, token, self._tokens.lifetime_s, claims["jti"])

    async def revoke(self, request: web.Request, response: web.StreamResponse) -> None:
        self._transport.remove(response)

    async def csrf_token(self, request: web.Request) -> str:
        return self._transport.csrf_token(request[CARRIED]["jti"])

    def claims_to_revoke(self, request: web.Request) -> dict[str, Any] | None:
        """Return the claims of the token issued in response to `request`, else of the token in it."""
        issued = request.get(ISSUED)
        return self.claims_carried(request) if issued is None else issued

    def claims_carried(self, request: web.Request) -> dict[str, Any] | None:
        """Return the claims of the valid token in `request`; None if there is none."""
        if CARRIED in request:
            return request[CARRIED]
        token = self._transport.carried(request)
        try:
            return self._tokens.verify(token) if token else None
        except InvalidTokenError:
            return None


class BackedTokenScheme(TokenScheme):
    """Scheme with a backend that can revoke all tokens of an account."""

    _backend: RevocationBackend

    def __init__(self, tokens: Tokens, transport: Transport, backend: RevocationBackend) -> None:
        super().__init__(tokens, transport, backend)

    async def revoke_account(self, account_id: str) -> None:
        await self._backend.revoke_account(account_id)


class RevocableTokenScheme(BackedTokenScheme):
    """Scheme that can revoke single tokens, by a record of each issued token."""

    @abc.abstractmethod
    async def record_token(self, claims: dict[str, Any]) -> None:
        """Store what is needed to revoke this token, before it is handed out."""

    @abc.abstractmethod
    async def revoke_token(self, claims: dict[str, Any]) -> None:
        """Revoke this token."""

    async def issue(
        self, request: web.Request, response: web.StreamResponse, identity: Identity
    ) -> dict[str, str | int]:
        replaced = self.claims_carried(request)
        issued = await super().issue(request, response, identity)
        await self.record_token(request[ISSUED])
        if replaced is not None:
            await self.revoke_token(replaced)
        return issued

    async def revoke(self, request: web.Request, response: web.StreamResponse) -> None:
        claims = self.claims_to_revoke(request)
        if claims is not None:
            await self.revoke_token(claims)
        await super().revoke(request, response)
