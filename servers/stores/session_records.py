"""Sessions in the store: format of the records, and operations on them.

    {prefix}session:{SHA-256 of the id}   JSON: created, expires (Unix seconds), session (its fields)
    {prefix}account:{account id}          digests of its session ids (servers.stores.indexed_records)

Ids are stored hashed, so that read access to the store reveals no usable id.
"""

import hashlib
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

import msgspec

from servers import contract
from servers.stores.connection import Store
from servers.stores.indexed_records import IndexedRecords
from servers.stores.store import execute, store_operation

#: Random bytes of an id; OWASP requires at least 8, this project at least 16.
ID_BYTES: Final = 24

_MISSING: Final = object()

# SET ... IFEQ, which not every store supports. Compares the value instead of WATCHing the key, because a
# concurrent read resets the idle timeout, which WATCH treats as a change.
_REPLACE_IF_SAME: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
"""


class Record(NamedTuple):
    """Session as read from the store: its fields, and the stored bytes."""

    fields: dict[str, Any]
    stored: bytes


class _Stored(msgspec.Struct):
    """Form of the stored JSON; times are Unix seconds."""

    created: int
    expires: int
    session: dict[str, Any]


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Stored).decode


class SessionRecords(IndexedRecords):
    """Sessions under one prefix of a store.

    Args:
        redis: Client of the store.
        prefix: Prefix of all keys.
        lifetime_s: Absolute timeout of a session in seconds, not extended by use; None for
            `contract.ABSOLUTE_TIMEOUT_S`.
    """

    kind = "session"

    def __init__(self, redis: Store, prefix: str, lifetime_s: int | None = None) -> None:
        super().__init__(redis, prefix)
        self.lifetime_s: Final = lifetime_s or contract.ABSOLUTE_TIMEOUT_S
        self._replace_if_same = redis.register_script(_REPLACE_IF_SAME)

    @staticmethod
    def new_id() -> str:
        """Return a random session id."""
        return secrets.token_urlsafe(ID_BYTES)

    @store_operation
    async def create(self, session_id: str, account_id: str, fields: Mapping[str, Any]) -> None:
        """Store a new session of an account."""
        now = int(time.time())
        expires = now + self.lifetime_s
        digest = _digest(session_id)
        stored = _encode(_Stored(now, expires, dict(fields)))
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(self._key_prefix + digest, stored, ex=contract.IDLE_TIMEOUT_S)
            self._index(pipe, account_id, digest, expires)
            await pipe.execute()

    @store_operation
    async def read(self, session_id: str) -> Record | None:
        """Return a session and reset its idle timeout, in one command; None if it does not exist."""
        key = self._key_prefix + _digest(session_id)
        stored = await execute(self._redis, *self.read_command(key))
        if stored is None:
            return None
        record = _decode(stored)
        if record.expires <= time.time():
            await self._redis.delete(key)
            return None
        return Record(record.session, stored)

    def read_command(self, key: str) -> tuple[str | int, ...]:
        """Return the command that reads a session and resets its idle timeout."""
        return ("GETEX", key, "EX", contract.IDLE_TIMEOUT_S)

    @store_operation
    async def update(self, session_id: str, before: bytes, fields: Mapping[str, Any]) -> None:
        """Write only the fields that differ between the record read as `before` and `fields`.

        Concurrent writes to other fields are kept. A session revoked in the meantime stays revoked.
        """
        key = self._key_prefix + _digest(session_id)
        old = _decode(before).session
        changed = {name: value for name, value in fields.items() if old.get(name, _MISSING) != value}
        removed = old.keys() - fields.keys()
        current: bytes | None = before
        while current is not None:
            record = _decode(current)
            kept = {name: value for name, value in record.session.items() if name not in removed}
            record.session = kept | changed
            if await self._replace_if_same(keys=[key], args=[current, _encode(record)]):
                return
            current = cast(bytes | None, await self._redis.get(key))

    @store_operation
    async def revoke(self, session_id: str) -> None:
        """Revoke one session."""
        digest = _digest(session_id)
        stored = await self._redis.getdel(self._key_prefix + digest)
        if stored is not None:
            account_id = _decode(stored).session["sub"]
            await self._unindex(self._redis, account_id, [digest])


def _digest(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()
