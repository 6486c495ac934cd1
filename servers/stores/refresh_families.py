"""Single-use refresh tokens in the store, each with one successor; those of a login are revoked together.

    {prefix}family:{family id}     hash: account, expires (Unix seconds), secret (SHA-256 of the current
                                   token's secret) and, after the first use, spent (of the previous token)
                                   and spent_at (milliseconds)
    {prefix}account:{account id}   its families (servers.stores.indexed_records)

A refresh token is `family id.secret`. The secret of its successor is an HMAC of the token, so that a client
that lost a response, or sent two requests at once, gets the same successor and not a second one. RFC 9700
section 4.14.2 requires rotation, revocation of the family after a repeated use, and expiry of unused tokens.
"""

import hashlib
import hmac
import secrets
import time
from typing import Final, Literal, NamedTuple, cast

from servers import contract
from servers.stores.connection import Store
from servers.stores.indexed_records import IndexedRecords
from servers.stores.store import store_operation

#: Random bytes of a family's id, and of its first secret.
ID_BYTES: Final = 16
SECRET_BYTES: Final = 32

#: Milliseconds in which a spent token may be used again, as long as its successor is unused. A thief with a
#: spent token also gets the successor in this window; a later second use by either revokes the family.
GRACE_MS: Final = 10_000

# Checks and records the use of a token atomically, so that concurrent requests cannot fork a family.
_USE: Final = """
local kept = redis.call('HMGET', KEYS[1], 'secret', 'spent', 'spent_at', 'account', 'expires')
if not kept[1] then return {'none', ''} end
if kept[1] == ARGV[1] then
    redis.call('HSET', KEYS[1], 'secret', ARGV[2], 'spent', ARGV[1], 'spent_at', ARGV[3])
    redis.call('EXPIREAT', KEYS[1], math.min(tonumber(kept[5]), math.floor(ARGV[3] / 1000) + ARGV[5]))
    return {'first', kept[4]}
end
if kept[2] == ARGV[1] and tonumber(ARGV[3]) - tonumber(kept[3]) <= tonumber(ARGV[4]) then
    -- A different successor was derived from another secret: there is no answer to repeat, and no misuse.
    if kept[1] ~= ARGV[2] then return {'none', ''} end
    return {'again', kept[4]}
end
redis.call('DEL', KEYS[1])
return {'reused', kept[4]}
"""


class Owner(NamedTuple):
    """Family of a refresh token, and its account."""

    family_id: str
    account_id: str


class Use(NamedTuple):
    """Outcome of using a refresh token.

    Attributes:
        outcome: `first` and `again` issue the successor; `reused` revoked the family; `none`: unknown token.
        family_id: Family of the token.
        account_id: Account of the family; empty if there is no such family.
        successor: Token to use next.
    """

    outcome: Literal["first", "again", "reused", "none"]
    family_id: str
    account_id: str
    successor: str

    @property
    def renews(self) -> bool:
        """Whether the successor is issued."""
        return self.outcome in ("first", "again")


class RefreshFamilies(IndexedRecords):
    """Families of refresh tokens under one prefix of a store.

    Args:
        redis: Client of the store.
        prefix: Prefix of all keys.
        key: Secret from which successors are derived.
        lifetime_s: Lifetime of a family in seconds, counted from the login and not extended by use. A token
            that is not used for `contract.IDLE_TIMEOUT_S` expires earlier, with its family.
    """

    kind = "family"

    def __init__(self, redis: Store, prefix: str, key: bytes, lifetime_s: int) -> None:
        super().__init__(redis, prefix)
        self._key = hashlib.sha256(b"refresh:" + key).digest()
        self._lifetime_s = lifetime_s
        self._use = redis.register_script(_USE)

    @staticmethod
    def new_id() -> str:
        """Return the id of a new family."""
        return secrets.token_urlsafe(ID_BYTES)

    @store_operation
    async def create(self, family_id: str, account_id: str) -> str:
        """Create a family for an account and return its first token."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        now = int(time.time())
        expires = now + self._lifetime_s
        async with self._redis.pipeline(transaction=True) as pipe:
            key = self._key_prefix + family_id
            pipe.hset(key, mapping={"account": account_id, "expires": expires, "secret": _digest(secret)})
            pipe.expireat(key, min(expires, now + contract.IDLE_TIMEOUT_S))
            self._index(pipe, account_id, family_id, expires)
            await pipe.execute()
        return f"{family_id}.{secret}"

    @store_operation
    async def use(self, token: str) -> Use:
        """Exchange a token for its successor; reuse after the grace period revokes the family."""
        family_id, _, secret = token.partition(".")
        successor = hmac.new(self._key, token.encode(), hashlib.sha256).hexdigest()
        result = await self._use(
            keys=[self._key_prefix + family_id],
            args=[
                _digest(secret),
                _digest(successor),
                int(time.time() * 1000),
                GRACE_MS,
                contract.IDLE_TIMEOUT_S,
            ],
        )
        outcome, account_id = (part.decode() for part in cast(list[bytes], result))
        return Use(outcome, family_id, account_id, f"{family_id}.{successor}")  # type: ignore[arg-type]

    @store_operation
    async def owner(self, token: str) -> Owner | None:
        """Return the owner of a token, if it is the current or the last spent one of its family."""
        family_id, _, secret = token.partition(".")
        key = self._key_prefix + family_id
        fields = cast(list[bytes | None], await self._redis.hmget(key, ["account", "secret", "spent"]))
        account_id, *digests = fields
        presented = _digest(secret).encode()
        if account_id is None or not any(
            hmac.compare_digest(presented, digest) for digest in digests if digest
        ):
            return None
        return Owner(family_id, account_id.decode())

    @store_operation
    async def revoke(self, family_id: str, account_id: str) -> None:
        """Revoke one family."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(self._key_prefix + family_id)
            self._unindex(pipe, account_id, [family_id])
            await pipe.execute()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
