"""Tokens that were ended before their time, and which tokens an account holds, in the store.

{prefix}ended:{jti}            there is such a key as long as the token would have lived, and a minute
{prefix}account:{account id}   sorted set of the jti of its tokens by the time they expire
"""

import time
from collections.abc import Mapping
from typing import Any, Final, cast

from redis.asyncio import Redis

from servers.store import StoreKeeper, ask, asks_store

#: Seconds that an entry outlives its token, for a store whose clock is ahead of ours.
MARGIN_S: Final = 60


class Denylist(StoreKeeper):
    """The ended tokens under one prefix of a store, by their `jti`.

    Every operation raises `web.HTTPServiceUnavailable` while the store does not answer.

    Args:
        redis: The store.
        prefix: What every key begins with.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        super().__init__(redis)
        self._ended_prefix = f"{prefix}ended:"
        self._account_prefix = f"{prefix}account:"

    @asks_store
    async def has(self, claims: Mapping[str, Any]) -> bool:
        """Tell, in one command, whether the token of these claims was ended."""
        return bool(await ask(self._redis, "EXISTS", self._ended_prefix + claims["jti"]))

    @asks_store
    async def index(self, claims: Mapping[str, Any]) -> None:
        """Note that an account holds the token of these claims."""
        index = self._account_prefix + claims["sub"]
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.zadd(index, {claims["jti"]: claims["exp"]})
            pipe.zremrangebyscore(index, 0, int(time.time()))
            pipe.expireat(index, claims["exp"])
            await pipe.execute()

    @asks_store
    async def add(self, claims: Mapping[str, Any]) -> None:
        """End the token of these claims."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(self._ended_prefix + claims["jti"], 1, exat=claims["exp"] + MARGIN_S)
            pipe.zrem(self._account_prefix + claims["sub"], claims["jti"])
            await pipe.execute()

    @asks_store
    async def add_account(self, account_id: str) -> None:
        """End every token of an account."""
        index = self._account_prefix + account_id
        held = cast(list[tuple[bytes, float]], await self._redis.zrange(index, 0, -1, withscores=True))
        if held:
            async with self._redis.pipeline(transaction=True) as pipe:
                for token_id, expires in held:
                    pipe.set(self._ended_prefix + token_id.decode(), 1, exat=int(expires) + MARGIN_S)
                pipe.zrem(index, *(token_id for token_id, _ in held))  # not all: a login may just have added
                await pipe.execute()
