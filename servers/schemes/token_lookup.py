"""JWT as bearer token, and an indexed SELECT on every request that checks whether the account changed."""

# ruff: noqa: D102 - servers.credentials.scheme and servers.credentials.token_scheme document the methods

from dataclasses import replace
from typing import Any, Final

from servers import signing_keys
from servers.credentials.bearer_transport import BearerTransport
from servers.credentials.guarantees import SERVER_SIDE
from servers.credentials.identity import Identity
from servers.credentials.scheme import About, Scheme
from servers.credentials.token_scheme import TokenScheme
from servers.credentials.tokens import Tokens
from servers.credentials.transport import Transport
from servers.settings import Settings
from servers.stores.lookups import Lookup

ABOUT = About(
    title="HS256 JWT as bearer token, with an account lookup in SQLite or PostgreSQL",
    transport="bearer",
    promises=replace(SERVER_SIDE, logout="at expiry", store="none", database="every request"),
)

#: Claim with the account's epoch at the time of issue.
_EPOCH: Final = "epoch"


class TokenLookup(TokenScheme):
    """Scheme that accepts a token while its account is in the epoch of its issue.

    Args:
        tokens: Signer and verifier of tokens.
        transport: Transport of the tokens.
        lookup: Epochs of the accounts.
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
    # Imported on demand, because each needs a database driver.
    if settings.lookup_url:
        from servers.stores.postgres_lookup import PostgresLookup

        return PostgresLookup(settings.lookup_url)
    from servers.stores.sqlite_lookup import SqliteLookup

    return SqliteLookup(settings.accounts_file)
