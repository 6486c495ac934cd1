"""What every scheme does whose credential is a JWT, whatever carries it and whatever else is asked."""

# ruff: noqa: ARG002, D102 - servers.credentials.scheme documents the methods, and what each is given

import abc
from typing import Any, Final

from aiohttp import web

from servers.credentials.identity import Identity
from servers.credentials.scheme import Keeper, Scheme
from servers.credentials.tokens import InvalidTokenError, Tokens
from servers.credentials.transport import Transport
from servers.http.responses import error

#: The claims of a token that was issued in answering a request.
ISSUED: Final = web.RequestKey("issued", dict[str, Any])


class TokenScheme(Scheme):
    """Believes a token that it signed until it expires; what else it asks, a scheme says in `admit`.

    Args:
        tokens: How tokens are signed and checked.
        transport: How they travel.
        keeper: What is kept outside of this process; None where nothing is.
    """

    def __init__(self, tokens: Tokens, transport: Transport, keeper: Keeper | None = None) -> None:
        super().__init__(transport, keeper)
        self._tokens = tokens

    async def admit(self, claims: dict[str, Any]) -> Identity:
        """Return whom the claims of a genuine token let in.

        Raises:
            web.HTTPUnauthorized: It was ended before its time.
        """
        return Identity.of(claims)

    async def claims_for(self, identity: Identity) -> dict[str, Any]:
        """Return what a new token says that is for `identity`."""
        return self._tokens.claims(identity)

    def check_issues(self) -> None:
        if not self._tokens.can_sign:
            raise error(web.HTTPNotFound, "not_offered")

    async def identify(self, request: web.Request) -> Identity:
        claims = self._verified(self._transport.read(request))
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
        if not self._transport.needs_proof:
            return await super().csrf_token(request)
        await self.identify(request)
        return self._transport.csrf_token(self._verified(self._transport.read(request))["jti"])

    def claims_to_end(self, request: web.Request) -> dict[str, Any] | None:
        """Return the claims of the token that was issued in answering `request`, or else came with it."""
        issued = request.get(ISSUED)
        return self.claims_carried(request) if issued is None else issued

    def claims_carried(self, request: web.Request) -> dict[str, Any] | None:
        """Return the claims of the genuine token that came with `request`, None where none did."""
        token = self._transport.carried(request)
        try:
            return self._tokens.verify(token) if token else None
        except InvalidTokenError:
            return None

    def _verified(self, token: str) -> dict[str, Any]:
        try:
            return self._tokens.verify(token)
        except InvalidTokenError:
            raise self._transport.invalid() from None


class EndableTokenScheme(TokenScheme):
    """Ends tokens one by one, by something that it keeps of each that it issued."""

    @abc.abstractmethod
    async def remember(self, claims: dict[str, Any]) -> None:
        """Keep what is needed to end this token, before it is handed out."""

    @abc.abstractmethod
    async def forget(self, claims: dict[str, Any]) -> None:
        """End this token."""

    async def issue(
        self, request: web.Request, response: web.StreamResponse, identity: Identity
    ) -> dict[str, str | int]:
        replaced = self.claims_carried(request)
        issued = await super().issue(request, response, identity)
        await self.remember(request[ISSUED])
        if replaced is not None:
            await self.forget(replaced)
        return issued

    async def revoke(self, request: web.Request, response: web.StreamResponse) -> None:
        claims = self.claims_to_end(request)
        if claims is not None:
            await self.forget(claims)
        await super().revoke(request, response)
