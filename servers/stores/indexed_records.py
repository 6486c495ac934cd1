"""Records of credentials (sessions, tokens, families), and an index by account, so that all can be revoked.

{prefix}{kind}:{name}          a record
{prefix}account:{account id}   sorted set of the names, scored by expiry (Unix seconds)
"""

import time
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, Final, cast

from redis.asyncio.client import Pipeline
from redis.asyncio.cluster import ClusterPipeline

from servers import contract
from servers.stores.connection import Store
from servers.stores.store import StoreBackend, store_operation

#: Seconds that a revocation outlives its token: the clocks of servers and store may differ, and a token is
#: accepted a little longer than it is valid.
MARGIN_S: Final = 60


class IndexedRecords(StoreBackend):
    """Records under one prefix of a store, with an index of their names by account.

    Subclasses change the index after the record. In a cluster (`servers.stores.cluster`) the two writes are
    not one transaction: an interruption leaves an unused record or the name of a revoked one, but never an
    issued credential that cannot be revoked.

    Args:
        redis: Client of the store.
        prefix: Prefix of all keys.
    """

    def __init__(self, redis: Store, prefix: str) -> None:
        super().__init__(redis, prefix)
        self._index_prefix = f"{prefix}account:"

    @store_operation
    async def revoke_account(self, account_id: str) -> None:
        """Revoke all credentials of an account."""
        entries: Any = await self._redis.zrange(self._index_prefix + account_id, 0, -1, withscores=True)
        names = {name.decode(): int(expires) for name, expires in cast(list[tuple[bytes, float]], entries)}
        if names:
            async with self._redis.pipeline(transaction=True) as pipe:
                self._revoke_records(pipe, names)
                self._unindex(pipe, account_id, names)
                await pipe.execute()

    def _revoke_records(self, pipe: Pipeline | ClusterPipeline, names: Mapping[str, int]) -> None:
        """Queue on `pipe`: revoke the records of these names, each with its expiry (Unix seconds)."""
        pipe.delete(*(self._key_prefix + name for name in names))

    def _index(self, pipe: Pipeline | ClusterPipeline, account_id: str, name: str, expires: int) -> None:
        """Queue on `pipe`: add a name, drop expired names, and expire the index after its last name.

        Other names may expire later than this one, if a server with another AUTH_LIFETIME_S added them.
        """
        key, now = self._index_prefix + account_id, int(time.time())
        pipe.zadd(key, {name: expires})
        pipe.zremrangebyscore(key, 0, now)
        pipe.expireat(key, now + contract.ABSOLUTE_TIMEOUT_S + MARGIN_S)

    def _unindex(
        self, store: Store | Pipeline | ClusterPipeline, account_id: str, names: Iterable[str]
    ) -> Awaitable[Any]:
        """Remove these names only, since a login may just have added another.

        A store removes them when awaited, a pipeline when executed.
        """
        return store.zrem(self._index_prefix + account_id, *names)
