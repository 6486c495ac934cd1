"""Time of each account's last revocation, in the store: tokens issued up to then are rejected.

{prefix}cutoff:{account id}   Unix seconds, to the microsecond; kept for the longest lifetime of a token
"""

import time

from servers import contract
from servers.stores.indexed_records import MARGIN_S
from servers.stores.store import StoreBackend, execute, store_operation


class Cutoffs(StoreBackend):
    """Cut-off times under one prefix of a store, by account.

    They are set and compared by the servers' clocks. If several servers share a store, a token issued within
    their clock difference of another server's cut-off may be taken for older or newer than it is.
    """

    kind = "cutoff"

    @store_operation
    async def covers(self, account_id: str, issued_at: float) -> bool:
        """Whether a token issued at `issued_at` to the account was revoked; one command."""
        cutoff = await execute(self._redis, "GET", self._key_prefix + account_id)
        return cutoff is not None and issued_at <= float(cutoff)

    @store_operation
    async def revoke_account(self, account_id: str) -> None:
        """Revoke all tokens that were issued to an account up to now."""
        # The maximum lifetime: also covers tokens issued before AUTH_LIFETIME_S was shortened.
        lifetime_s = contract.ABSOLUTE_TIMEOUT_S + MARGIN_S
        await self._redis.set(self._key_prefix + account_id, f"{time.time():.6f}", ex=lifetime_s)
