"""Which names (of sessions, tokens, families) an account holds, so that all of them can be ended.

{prefix}account:{account id}   sorted set of the names by the time they expire (Unix seconds)
"""

import time
from collections.abc import Awaitable, Iterable
from typing import Any, cast

from redis.asyncio.client import Pipeline
from redis.asyncio.cluster import ClusterPipeline

from servers import contract
from servers.stores.connection import Store


class AccountIndex:
    """The names under one prefix of a store; what they name is its keeper's.

    A keeper changes the index after what it names. In a cluster (`servers.stores.cluster`) that is no
    transaction: broken off in between, it leaves a record that nobody was told of, or a name of what has
    ended, and never what has been handed out and cannot be ended.

    Args:
        redis: The store.
        prefix: What every key begins with.
    """

    def __init__(self, redis: Store, prefix: str) -> None:
        self._redis = redis
        self._prefix = f"{prefix}account:"

    def add(self, pipe: Pipeline | ClusterPipeline, account_id: str, name: str, expires: int) -> None:
        """Have `pipe` note a name, drop those that have expired, and let the whole end after the last.

        Names may have been noted that expire later than this one, by a server with another AUTH_LIFETIME_S.
        """
        key, now = self._prefix + account_id, int(time.time())
        pipe.zadd(key, {name: expires})
        pipe.zremrangebyscore(key, 0, now)
        pipe.expireat(key, now + contract.ABSOLUTE_TIMEOUT_S)

    def remove(
        self, store: Store | Pipeline | ClusterPipeline, account_id: str, names: Iterable[str]
    ) -> Awaitable[Any]:
        """Drop these names, and no other: a login may just have added to them.

        A store does so when awaited, a pipeline when it is executed.
        """
        return store.zrem(self._prefix + account_id, *names)

    async def held(self, account_id: str) -> dict[str, int]:
        """Return the names, each with the time at which it expires."""
        found: Any = await self._redis.zrange(self._prefix + account_id, 0, -1, withscores=True)
        return {name.decode(): int(expires) for name, expires in cast(list[tuple[bytes, float]], found)}
