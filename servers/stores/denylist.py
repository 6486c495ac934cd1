"""Denylist of revoked tokens, and an index of each account's tokens, in the store.

{prefix}ended:{jti}            present from the revocation until a minute after the token's expiry
{prefix}account:{account id}   the jti of its tokens (servers.stores.indexed_records)
"""

from collections.abc import Mapping
from typing import Any

from redis.asyncio.client import Pipeline
from redis.asyncio.cluster import ClusterPipeline

from servers.stores.indexed_records import MARGIN_S, IndexedRecords
from servers.stores.store import execute, store_operation


class Denylist(IndexedRecords):
    """Revoked tokens under one prefix of a store, by their `jti`."""

    kind = "ended"

    @store_operation
    async def has(self, claims: Mapping[str, Any]) -> bool:
        """Whether the token with these claims was revoked; one command."""
        return bool(await execute(self._redis, "EXISTS", self._key_prefix + claims["jti"]))

    @store_operation
    async def record(self, claims: Mapping[str, Any]) -> None:
        """Add the token with these claims to its account's index."""
        async with self._redis.pipeline(transaction=True) as pipe:
            self._index(pipe, claims["sub"], claims["jti"], claims["exp"] + MARGIN_S)
            await pipe.execute()

    @store_operation
    async def revoke(self, claims: Mapping[str, Any]) -> None:
        """Revoke the token with these claims."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(self._key_prefix + claims["jti"], 1, exat=claims["exp"] + MARGIN_S)
            self._unindex(pipe, claims["sub"], [claims["jti"]])
            await pipe.execute()

    def _revoke_records(self, pipe: Pipeline | ClusterPipeline, names: Mapping[str, int]) -> None:
        for token_id, expires in names.items():
            pipe.set(self._key_prefix + token_id, 1, exat=expires)
