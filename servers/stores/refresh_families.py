"""Refresh tokens in the store: single use, each with one successor, all of one login ending together.

    {prefix}family:{family id}     hash: account, secret (SHA-256 of the token's that may be used), and, once
                                   there was one, spent (of the one before) and spent_at (milliseconds)
    {prefix}account:{account id}   its families (servers.stores.account_index)

A refresh token is `family id.secret`. The secret of its successor is an HMAC of it, so that a client whose
answer was lost, or that asked twice at once, gets the same successor and not a second one (RFC 9700 section
4.14.2 asks for rotation; that a repeated use ends the family is from there, too).
"""

import hashlib
import hmac
import secrets
import time
from typing import Final, Literal, NamedTuple, cast

from servers.stores.account_index import AccountIndex
from servers.stores.connection import Store
from servers.stores.store import StoreKeeper, asks_store

#: Random bytes of a family's id, and of the first secret of each.
ID_BYTES: Final = 16
SECRET_BYTES: Final = 32

#: Milliseconds in which a spent token may be used again, as long as its successor is unused. Within them a
#: thief of a spent token gets the successor as well; whoever of the two comes second later ends the family.
GRACE_MS: Final = 10_000

# Whether this token may be used is told and noted in one step, whoever asks at the same time.
_USE: Final = """
local kept = redis.call('HMGET', KEYS[1], 'secret', 'spent', 'spent_at', 'account')
if not kept[1] then return {'none', ''} end
if kept[1] == ARGV[1] then
    redis.call('HSET', KEYS[1], 'secret', ARGV[2], 'spent', ARGV[1], 'spent_at', ARGV[3])
    return {'first', kept[4]}
end
if kept[2] == ARGV[1] and tonumber(ARGV[3]) - tonumber(kept[3]) <= tonumber(ARGV[4]) then
    -- A successor that is not ours comes of another secret: no answer to repeat here, and no misuse.
    if kept[1] ~= ARGV[2] then return {'none', ''} end
    return {'again', kept[4]}
end
redis.call('DEL', KEYS[1])
return {'reused', kept[4]}
"""


class Use(NamedTuple):
    """What came of using a refresh token.

    Attributes:
        outcome: `first` and `again` give the successor; `reused` ended the family; `none` knows no such one.
        family_id: Of the token.
        account_id: Whose it is; empty where there is no such family.
        successor: The token to use next.
    """

    outcome: Literal["first", "again", "reused", "none"]
    family_id: str
    account_id: str
    successor: str

    @property
    def renews(self) -> bool:
        """Whether the successor is to be handed out."""
        return self.outcome in ("first", "again")


class RefreshFamilies(StoreKeeper):
    """The families of refresh tokens under one prefix of a store.

    Every operation raises `web.HTTPServiceUnavailable` while the store does not answer.

    Args:
        redis: The store.
        prefix: What every key begins with.
        key: Secret from which successors are derived.
        lifetime_s: Seconds that a family lives, from the login on, however often it is used.
    """

    def __init__(self, redis: Store, prefix: str, key: bytes, lifetime_s: int) -> None:
        super().__init__(redis)
        self._family_prefix = f"{prefix}family:"
        self._index = AccountIndex(redis, prefix)
        self._key = hashlib.sha256(b"refresh:" + key).digest()
        self._lifetime_s = lifetime_s
        self._use = redis.register_script(_USE)

    @staticmethod
    def new_id() -> str:
        """Return the id of a new family."""
        return secrets.token_urlsafe(ID_BYTES)

    @asks_store
    async def create(self, family_id: str, account_id: str) -> str:
        """Begin a family of an account; return its first token."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        expires = int(time.time()) + self._lifetime_s
        async with self._redis.pipeline(transaction=True) as pipe:
            key = self._family_prefix + family_id
            pipe.hset(key, mapping={"account": account_id, "secret": _digest(secret)})
            pipe.expireat(key, expires)
            self._index.add(pipe, account_id, family_id, expires)
            await pipe.execute()
        return f"{family_id}.{secret}"

    @asks_store
    async def use(self, token: str) -> Use:
        """Spend a token for its successor; a spent one ends the family, but for a repetition just after."""
        family_id, _, secret = token.partition(".")
        successor = hmac.new(self._key, token.encode(), hashlib.sha256).hexdigest()
        answer = await self._use(
            keys=[self._family_prefix + family_id],
            args=[_digest(secret), _digest(successor), int(time.time() * 1000), GRACE_MS],
        )
        outcome, account_id = (part.decode() for part in cast(list[bytes], answer))
        return Use(outcome, family_id, account_id, f"{family_id}.{successor}")  # type: ignore[arg-type]

    @asks_store
    async def revoke(self, family_id: str, account_id: str) -> None:
        """End one family."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(self._family_prefix + family_id)
            self._index.remove(pipe, account_id, [family_id])
            await pipe.execute()

    @asks_store
    async def revoke_account(self, account_id: str) -> None:
        """End all families of an account."""
        held = await self._index.held(account_id)
        if held:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.delete(*(self._family_prefix + family_id for family_id in held))
                self._index.remove(pipe, account_id, held)
                await pipe.execute()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
