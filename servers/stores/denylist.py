"""Denylist of revoked tokens, and an index of each account's tokens, in the store.

{prefix}ended:{jti}            present from the revocation until a minute after the token's expiry
{prefix}account:{account id}   the jti of its tokens (servers.stores.account_index)
"""

from collections.abc import Mapping
from typing import Any, Final

from servers.stores.account_index import AccountIndex
from servers.stores.connection import Store
from servers.stores.store import StoreBackend, execute, store_operation

#: Seconds that an entry outlives its token, in case the store's clock is ahead of the server's.
MARGIN_S: Final = 60


class Denylist(StoreBackend):
    """Revoked tokens under one prefix of a store, by their `jti`.

    Every operation raises `web.HTTPServiceUnavailable` while the store does not answer.

    Args:
        redis: Client of the store.
        prefix: Prefix of all keys.
    """

    def __init__(self, redis: Store, prefix: str) -> None:
        super().__init__(redis)
        self._ended_prefix = f"{prefix}ended:"
        self._index = AccountIndex(redis, prefix)

    @store_operation
    async def has(self, claims: Mapping[str, Any]) -> bool:
        """Whether the token with these claims was revoked; one command."""
        return bool(await execute(self._redis, "EXISTS", self._ended_prefix + claims["jti"]))

    @store_operation
    async def index(self, claims: Mapping[str, Any]) -> None:
        """Add the token with these claims to its account's index."""
        async with self._redis.pipeline(transaction=True) as pipe:
            self._index.add(pipe, claims["sub"], claims["jti"], claims["exp"])
            await pipe.execute()

    @store_operation
    async def add(self, claims: Mapping[str, Any]) -> None:
        """Revoke the token with these claims."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(self._ended_prefix + claims["jti"], 1, exat=claims["exp"] + MARGIN_S)
            self._index.remove(pipe, claims["sub"], [claims["jti"]])
            await pipe.execute()

    @store_operation
    async def add_account(self, account_id: str) -> None:
        """Revoke all tokens of an account."""
        tokens = await self._index.names(account_id)
        if tokens:
            async with self._redis.pipeline(transaction=True) as pipe:
                for token_id, expires in tokens.items():
                    pipe.set(self._ended_prefix + token_id, 1, exat=expires + MARGIN_S)
                self._index.remove(pipe, account_id, tokens)
                await pipe.execute()
