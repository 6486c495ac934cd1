"""Index of an account's credentials (sessions, tokens, families), so that all of them can be revoked.

{prefix}account:{account id}   sorted set of the names, scored by expiry (Unix seconds)
"""

import time
from collections.abc import Awaitable, Iterable
from typing import Any, cast

from redis.asyncio.client import Pipeline
from redis.asyncio.cluster import ClusterPipeline

from servers import contract
from servers.stores.connection import Store


class AccountIndex:
    """Index of names under one prefix of a store; the named records belong to the caller.

    Callers change the index after the record. In a cluster (`servers.stores.cluster`) the two writes are not
    one transaction: an interruption leaves an unused record or the name of a revoked one, but never an issued
    credential that cannot be revoked.

    Args:
        redis: Client of the store.
        prefix: Prefix of all keys.
    """

    def __init__(self, redis: Store, prefix: str) -> None:
        self._redis = redis
        self._prefix = f"{prefix}account:"

    def add(self, pipe: Pipeline | ClusterPipeline, account_id: str, name: str, expires: int) -> None:
        """Queue on `pipe`: add a name, drop expired names, and expire the index after its last name.

        Other names may expire later than this one, if a server with another AUTH_LIFETIME_S added them.
        """
        key, now = self._prefix + account_id, int(time.time())
        pipe.zadd(key, {name: expires})
        pipe.zremrangebyscore(key, 0, now)
        pipe.expireat(key, now + contract.ABSOLUTE_TIMEOUT_S)

    def remove(
        self, store: Store | Pipeline | ClusterPipeline, account_id: str, names: Iterable[str]
    ) -> Awaitable[Any]:
        """Remove these names only, since a login may just have added another.

        A store removes them when awaited, a pipeline when executed.
        """
        return store.zrem(self._prefix + account_id, *names)

    async def names(self, account_id: str) -> dict[str, int]:
        """Return the names of an account, each with its expiry (Unix seconds)."""
        entries: Any = await self._redis.zrange(self._prefix + account_id, 0, -1, withscores=True)
        return {name.decode(): int(expires) for name, expires in cast(list[tuple[bytes, float]], entries)}
