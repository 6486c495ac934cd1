"""Tokens that were ended before their time, and which tokens an account holds, in the store.

{prefix}ended:{jti}            there is such a key as long as the token would have lived, and a minute
{prefix}account:{account id}   the jti of its tokens (servers.stores.account_index)
"""

from collections.abc import Mapping
from typing import Any, Final

from servers.stores.account_index import AccountIndex
from servers.stores.connection import Store
from servers.stores.store import StoreKeeper, ask, asks_store

#: Seconds that an entry outlives its token, for a store whose clock is ahead of ours.
MARGIN_S: Final = 60


class Denylist(StoreKeeper):
    """The ended tokens under one prefix of a store, by their `jti`.

    Every operation raises `web.HTTPServiceUnavailable` while the store does not answer.

    Args:
        redis: The store.
        prefix: What every key begins with.
    """

    def __init__(self, redis: Store, prefix: str) -> None:
        super().__init__(redis)
        self._ended_prefix = f"{prefix}ended:"
        self._index = AccountIndex(redis, prefix)

    @asks_store
    async def has(self, claims: Mapping[str, Any]) -> bool:
        """Tell, in one command, whether the token of these claims was ended."""
        return bool(await ask(self._redis, "EXISTS", self._ended_prefix + claims["jti"]))

    @asks_store
    async def index(self, claims: Mapping[str, Any]) -> None:
        """Note that an account holds the token of these claims."""
        async with self._redis.pipeline(transaction=True) as pipe:
            self._index.add(pipe, claims["sub"], claims["jti"], claims["exp"])
            await pipe.execute()

    @asks_store
    async def add(self, claims: Mapping[str, Any]) -> None:
        """End the token of these claims."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(self._ended_prefix + claims["jti"], 1, exat=claims["exp"] + MARGIN_S)
            self._index.remove(pipe, claims["sub"], [claims["jti"]])
            await pipe.execute()

    @asks_store
    async def add_account(self, account_id: str) -> None:
        """End every token of an account."""
        held = await self._index.held(account_id)
        if held:
            async with self._redis.pipeline(transaction=True) as pipe:
                for token_id, expires in held.items():
                    pipe.set(self._ended_prefix + token_id, 1, exat=expires + MARGIN_S)
                self._index.remove(pipe, account_id, held)
                await pipe.execute()
