"""Commands to the store, with a deadline, and 503 while the store does not answer."""

import functools
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Final, TypeVar, cast

from redis.exceptions import RedisClusterException, RedisError

from servers.http.deadlines import Deadlines
from servers.http.responses import unavailable
from servers.stores.cluster import Cluster
from servers.stores.connection import TIMEOUT_S, Store

#: Seconds after which the store forgets a key of a check that was interrupted.
CHECK_S: Final = 10

#: Exceptions that redis-py raises when a store fails; clusters have a separate class.
FAILURES: Final = (RedisError, RedisClusterException, OSError)  # TimeoutError is an OSError

M = TypeVar("M", bound=Callable[..., Coroutine[Any, Any, Any]])


async def execute(redis: Store, *command: str | int) -> Any:
    """Return the store's response to `command`, by the shortest path through redis-py.

    For the command that every request waits for: it takes some microseconds less without the telemetry and
    the retry of `Redis.execute_command`. The pool replaces idle connections that the store closed
    before they are used, so only a store that fails during the command goes without a retry.
    """
    if isinstance(redis, Cluster):
        return await redis.at_slot(command)
    pool = redis.connection_pool
    connection = await pool.get_connection()  # type: ignore[no-untyped-call]  # untyped in redis-py
    try:
        await connection.send_command(*command)
        return await connection.read_response()  # closes the connection itself after a failure
    finally:
        await pool.release(connection)


def store_operation(method: M) -> M:
    """Return `method` of a `StoreBackend` with a deadline, and with 503 if the store fails.

    An unavailable store neither authenticates a caller nor makes a session look expired.
    """

    @functools.wraps(method)
    async def bounded(self: "StoreBackend", /, *args: Any, **kwargs: Any) -> Any:
        try:
            return await self.deadlines.bound(method(self, *args, **kwargs))
        except FAILURES as error:
            raise unavailable("store_unavailable") from error

    return cast(M, bounded)


class StoreBackend:
    """Base class for records under one prefix of a store; operations are decorated with `store_operation`.

    Every operation raises `web.HTTPServiceUnavailable` while the store does not answer.

    Args:
        redis: Client of the store.
        prefix: Prefix of all keys.

    Attributes:
        kind: Part of the keys of the records, which begin with the prefix and the kind.
    """

    kind: ClassVar[str] = ""

    def __init__(self, redis: Store, prefix: str = "") -> None:
        self.deadlines = Deadlines(TIMEOUT_S)
        self._redis = redis
        self._key_prefix = f"{prefix}{self.kind}:"

    @store_operation
    async def check(self) -> None:
        """Write, read and delete a key, as requests do.

        Raises:
            web.HTTPServiceUnavailable: The store does not answer, or refuses one of these.
        """
        key = f"{self._key_prefix}check:{secrets.token_hex(8)}"
        await self._redis.ping()  # of a cluster all primary nodes
        await self._redis.set(key, 1, ex=CHECK_S)
        await execute(self._redis, *self.read_command(key))
        await self._redis.delete(key)

    def read_command(self, key: str) -> tuple[str | int, ...]:
        """Return the command by which a request reads a record."""
        return ("GET", key)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
