"""JWT as bearer token, and an indexed SELECT on every request that checks whether the account changed."""

# ruff: noqa: D102 - servers.credentials.scheme and servers.credentials.token_scheme document the methods

from dataclasses import replace
from typing import Any, Final

from servers.credentials.identity import Identity
from servers.credentials.scheme import SERVER_SIDE, About, Scheme
from servers.credentials.token_scheme import BackedTokenScheme
from servers.errors import UsageError
from servers.settings import Settings
from servers.stores import urls
from servers.stores.lookups import Lookup

ABOUT = About(
    title="HS256 JWT as bearer token, with an account lookup in SQLite or PostgreSQL",
    transport="bearer",
    promises=replace(
        SERVER_SIDE, logout="at expiry", idle_timeout="none", store="none", database="every request"
    ),
)

#: Claim with the account's epoch at the time of issue.
_EPOCH: Final = "epoch"


class TokenLookup(BackedTokenScheme):
    """Scheme that accepts a token while its account is in the epoch of its issue."""

    _backend: Lookup

    async def admit(self, claims: dict[str, Any]) -> Identity:
        epoch = await self._backend.epoch(claims["sub"])
        if epoch is None or epoch != claims.get(_EPOCH):
            raise self._transport.invalid()
        return Identity.of(claims)

    async def claims_for(self, identity: Identity) -> dict[str, Any]:
        epoch = await self._backend.begin(identity.sub)
        if epoch is None:
            raise self.unauthorized("wrong_credentials")
        return self._tokens.claims(identity) | {_EPOCH: epoch}


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    return TokenLookup.bearer(name, settings, _lookup(settings))


def _lookup(settings: Settings) -> Lookup:
    # Imported on demand, because each needs a database driver.
    if settings.lookup_url:
        try:
            urls.check_password(settings.lookup_url)
        except ValueError as error:
            raise UsageError(f"LOOKUP_URL cannot be read: {error}.") from None
        from servers.stores.postgres_lookup import PostgresLookup

        return PostgresLookup(settings.lookup_url)
    from servers.stores.sqlite_lookup import SqliteLookup

    return SqliteLookup(settings.accounts_file)
