"""JWT of five minutes as bearer token, renewed by a refresh token: ordinary requests need no store.

A stolen refresh token can be used for up to `refresh_families.GRACE_MS` after it was spent: in this window it
still yields the same successor; after it, its use revokes all refresh tokens of its login.
"""

# ruff: noqa: ARG002, D102 - servers.credentials.scheme and servers.credentials.token_scheme document the methods and their arguments

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from aiohttp import web
from msgspec import UNSET

from servers import contract
from servers.credentials.identity import Identity
from servers.credentials.scheme import SELF_CONTAINED, About, Current, Scheme
from servers.credentials.token_scheme import ISSUED, BackedTokenScheme
from servers.http.bodies import Logout
from servers.http.request_keys import ACCOUNT_ID, REFRESH_TOKEN
from servers.http.responses import read_body
from servers.settings import Settings
from servers.stores.connection import store_of
from servers.stores.refresh_families import RefreshFamilies

#: Default lifetime of an access token in seconds, which is also how long it may be out of date.
LIFETIME_S: Final = 5 * 60

ABOUT = About(
    title="HS256 JWT of five minutes as bearer token, renewed by single-use refresh tokens in Redis",
    transport="bearer",
    promises=replace(SELF_CONTAINED, store="some", idle_timeout="refresh token"),
    lifetime_s=LIFETIME_S,
)

#: Claim with the family of refresh tokens that an access token belongs to.
_FAMILY: Final = "sid"


class TokenRefresh(BackedTokenScheme):
    """Scheme that accepts its tokens until they expire, and renews them while their refresh family exists."""

    _backend: RefreshFamilies

    async def claims_for(self, identity: Identity) -> dict[str, Any]:
        return self._tokens.claims(identity) | {_FAMILY: self._backend.new_id()}

    async def issue(
        self, request: web.Request, response: web.StreamResponse, identity: Identity
    ) -> dict[str, str | int]:
        replaced = self.claims_carried(request)
        issued = await super().issue(request, response, identity)
        refresh_token = await self._backend.create(request[ISSUED][_FAMILY], identity.sub)
        await self._revoke_family(replaced)
        await self._revoke_family_of(request.get(REFRESH_TOKEN, ""))
        return issued | {"refresh_token": refresh_token}

    async def log_out(self, request: web.Request, response: web.StreamResponse) -> None:
        """Revoke the family of the refresh token in the request, else that of its access token.

        The refresh token is sufficient, as in RFC 7009, because the access token may have expired. An unknown
        one is not an error (section 2.2): its family has ended.
        """
        body = await read_body(request, Logout) if request.body_exists else Logout()
        if body.refresh_token is UNSET:
            await super().log_out(request, response)
            return
        await self._revoke_family(self.claims_carried(request))
        request[ACCOUNT_ID] = await self._revoke_family_of(body.refresh_token)

    async def revoke(self, request: web.Request, response: web.StreamResponse) -> None:
        await self._revoke_family(self.claims_to_revoke(request))

    async def revoke_rights(self, account_id: str) -> None:
        """Keep the families: access tokens expire after five minutes, and the next one has the new role."""

    async def refresh(self, refresh_token: str, current: Current) -> dict[str, str | int]:
        use = await self._backend.use(refresh_token)
        identity = await current(use.account_id) if use.renews else None
        if identity is None:
            if use.account_id:
                await self._backend.revoke(use.family_id, use.account_id)
            raise self.unauthorized("invalid_grant")
        token = self._tokens.sign(self._tokens.claims(identity) | {_FAMILY: use.family_id})
        fields = self._transport.hand_out(web.Response(), token, self._tokens.lifetime_s, use.family_id)
        return fields | {"refresh_token": use.successor}

    async def _revoke_family(self, claims: Mapping[str, Any] | None) -> None:
        if claims and _FAMILY in claims:
            await self._backend.revoke(claims[_FAMILY], claims["sub"])

    async def _revoke_family_of(self, refresh_token: str) -> str:
        """Revoke the family of a token; return its account, empty if there is no such family."""
        owner = await self._backend.owner(refresh_token) if refresh_token else None
        if owner is None:
            return ""
        await self._backend.revoke(owner.family_id, owner.account_id)
        return owner.account_id


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    store = store_of(name, settings)
    families = RefreshFamilies(*store, settings.secrets[0], contract.ABSOLUTE_TIMEOUT_S)
    settings = replace(settings, lifetime_s=settings.lifetime_s or LIFETIME_S)
    return TokenRefresh.bearer(name, settings, families)
