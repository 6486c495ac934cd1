"""Sessions in the store: what a record holds, and every operation on one.

    {prefix}session:{SHA-256 of the id}   JSON: created, expires (Unix seconds), session (its fields)
    {prefix}account:{account id}          those digests (servers.stores.account_index)

Ids are stored hashed, so that who can read the store cannot use what they find.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from servers import contract
from servers.stores.account_index import AccountIndex
from servers.stores.connection import Store
from servers.stores.store import StoreKeeper, ask, asks_store

#: Random bytes of an id; OWASP asks for 8 at least, we for 16.
ID_BYTES: Final = 24

_MISSING: Final = object()

# SET ... IFEQ, which not every store has. Compares the value rather than WATCHing the key: a concurrent read
# slides the idle timeout, and that counts as a change to WATCH.
_REPLACE_IF_SAME: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
"""


class Record(NamedTuple):
    """A session as it was read: its fields, when it began (Unix seconds), and the stored bytes."""

    fields: dict[str, Any]
    created: int
    stored: bytes | str


class SessionRecords(StoreKeeper):
    """The sessions under one prefix of a store.

    Every operation raises `web.HTTPServiceUnavailable` while the store does not answer.

    Args:
        redis: The store.
        prefix: What every key begins with.
        lifetime_s: Seconds that a session lives, however often it is used; None for
            `contract.ABSOLUTE_TIMEOUT_S`.
    """

    def __init__(self, redis: Store, prefix: str, lifetime_s: int | None = None) -> None:
        super().__init__(redis)
        self.lifetime_s: Final = lifetime_s or contract.ABSOLUTE_TIMEOUT_S
        self._session_prefix = f"{prefix}session:"
        self._index = AccountIndex(redis, prefix)
        self._replace_if_same = redis.register_script(_REPLACE_IF_SAME)

    @staticmethod
    def new_id() -> str:
        """Return an id that nobody can guess."""
        return secrets.token_urlsafe(ID_BYTES)

    @asks_store
    async def create(self, session_id: str, account_id: str, fields: Mapping[str, Any]) -> None:
        """Store a new session of an account."""
        now = int(time.time())
        expires = now + self.lifetime_s
        digest = _digest(session_id)
        stored = json.dumps({"created": now, "expires": expires, "session": dict(fields)})
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(self._session_prefix + digest, stored, ex=contract.IDLE_TIMEOUT_S)
            self._index.add(pipe, account_id, digest, expires)
            await pipe.execute()

    @asks_store
    async def read(self, session_id: str) -> Record | None:
        """Return a session and slide its idle timeout, in one command; None where it is no more."""
        key = self._session_prefix + _digest(session_id)
        stored = await ask(self._redis, "GETEX", key, "EX", contract.IDLE_TIMEOUT_S)
        if stored is None:
            return None
        record = json.loads(stored)
        if record["expires"] <= time.time():
            await self._redis.delete(key)
            return None
        return Record(record["session"], record["created"], stored)

    @asks_store
    async def update(self, session_id: str, before: bytes | str, fields: Mapping[str, Any]) -> None:
        """Write what differs between the record read as `before` and `fields`, and nothing else.

        What other requests wrote to other fields meanwhile stays. A session that ended meanwhile stays ended.
        """
        key = self._session_prefix + _digest(session_id)
        old = json.loads(before)["session"]
        changed = {name: value for name, value in fields.items() if old.get(name, _MISSING) != value}
        removed = old.keys() - fields.keys()
        current: bytes | str | None = before
        while current is not None:
            record = json.loads(current)
            kept = {name: value for name, value in record["session"].items() if name not in removed}
            record["session"] = kept | changed
            if await self._replace_if_same(keys=[key], args=[current, json.dumps(record)]):
                return
            current = await self._redis.get(key)

    @asks_store
    async def revoke(self, session_id: str) -> None:
        """End one session."""
        digest = _digest(session_id)
        stored = await self._redis.getdel(self._session_prefix + digest)
        if stored is not None:
            account_id = json.loads(stored)["session"]["sub"]
            await self._index.remove(self._redis, account_id, [digest])

    @asks_store
    async def revoke_account(self, account_id: str) -> None:
        """End all sessions of an account."""
        held = await self._index.held(account_id)
        if held:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.delete(*(self._session_prefix + digest for digest in held))
                self._index.remove(pipe, account_id, held)
                await pipe.execute()


def _digest(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()
