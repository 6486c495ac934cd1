"""A JWT as bearer, and an indexed SELECT on every request: does the account still stand by what it says?"""

# ruff: noqa: D102 - servers.credentials.scheme and servers.credentials.token_scheme document the methods

from dataclasses import replace
from typing import Any, Final

from servers import signing_keys
from servers.credentials.bearer_transport import BearerTransport
from servers.credentials.guarantees import ASKED_FOR
from servers.credentials.identity import Identity
from servers.credentials.scheme import About, Scheme
from servers.credentials.token_scheme import TokenScheme
from servers.credentials.tokens import Tokens
from servers.credentials.transport import Transport
from servers.settings import Settings
from servers.stores.lookups import Lookup

ABOUT = About(
    title="HS256 JWT as bearer, its account looked up in SQLite or PostgreSQL",
    transport="bearer",
    promises=replace(ASKED_FOR, logout="at expiry", store="none", database="every request"),
)

#: The claim that says in which epoch of its account a token was issued.
_EPOCH: Final = "epoch"


class TokenLookup(TokenScheme):
    """Believes a token whose account is in the epoch in which it was issued.

    Args:
        tokens: How tokens are signed and checked.
        transport: How they travel.
        lookup: The accounts' epochs.
    """

    def __init__(self, tokens: Tokens, transport: Transport, lookup: Lookup) -> None:
        super().__init__(tokens, transport, lookup)
        self._lookup = lookup

    async def admit(self, claims: dict[str, Any]) -> Identity:
        epoch = await self._lookup.epoch(claims["sub"])
        if epoch is None or epoch != claims.get(_EPOCH):
            raise self._transport.invalid()
        return Identity.of(claims)

    async def claims_for(self, identity: Identity) -> dict[str, Any]:
        epoch = await self._lookup.begin(identity.sub)
        if epoch is None:
            raise self.unauthorized("wrong_credentials")
        return self._tokens.claims(identity) | {_EPOCH: epoch}

    async def revoke_account(self, account_id: str) -> None:
        await self._lookup.revoke(account_id)


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    lookup = _lookup(settings)
    tokens = Tokens(signing_keys.shared(settings.secrets), name, settings.lifetime_s)
    return TokenLookup(tokens, BearerTransport(settings.max_credential_bytes), lookup)


def _lookup(settings: Settings) -> Lookup:
    # Each imports a driver that the other does without.
    if settings.lookup_url:
        from servers.stores.postgres_lookup import PostgresLookup

        return PostgresLookup(settings.lookup_url)
    from servers.stores.sqlite_lookup import SqliteLookup

    return SqliteLookup(settings.accounts_file)
