"""When an account's tokens were last ended, in the store: those issued up to then are refused.

{prefix}cutoff:{account id}   Unix seconds, to the microsecond; kept as long as any token may live
"""

import time

from servers import contract
from servers.stores.connection import Store
from servers.stores.store import StoreKeeper, ask, asks_store


class Cutoffs(StoreKeeper):
    """The cut-offs under one prefix of a store.

    They are set and compared by the servers' clocks: where several servers share a store, a token that one
    issued within the difference of their clocks after a cut-off of another's counts as older, or as newer.

    Args:
        redis: The store.
        prefix: What every key begins with.
    """

    def __init__(self, redis: Store, prefix: str) -> None:
        super().__init__(redis)
        self._prefix = f"{prefix}cutoff:"

    @asks_store
    async def covers(self, account_id: str, issued_at: float) -> bool:
        """Tell, in one command, whether a token of an account that was issued then has been ended."""
        cutoff = await ask(self._redis, "GET", self._prefix + account_id)
        return cutoff is not None and issued_at <= float(cutoff)

    @asks_store
    async def set(self, account_id: str) -> None:
        """End every token of an account that was issued up to now."""
        # Not only as long as tokens live now: it also ends those of before AUTH_LIFETIME_S was shortened.
        lives_s = contract.ABSOLUTE_TIMEOUT_S
        await self._redis.set(self._prefix + account_id, f"{time.time():.6f}", ex=lives_s)
