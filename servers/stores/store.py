"""Commands to the store, with a deadline, and 503 while the store does not answer."""

import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from redis.exceptions import RedisClusterException, RedisError

from servers.http.deadlines import Deadlines
from servers.http.responses import unavailable
from servers.stores.cluster import Cluster
from servers.stores.connection import TIMEOUT_S, Store

#: Exceptions that redis-py raises when a store fails; clusters have a separate class.
FAILURES: Final = (RedisError, RedisClusterException, OSError)  # TimeoutError is an OSError

P = ParamSpec("P")
T = TypeVar("T")


async def execute(redis: Store, *command: str | int) -> Any:
    """Return the store's response to `command`, by the shortest path through redis-py.

    For the command that every request waits for: `Redis.execute_command` adds telemetry and a retry, which
    are a large share of the command's total cost. The pool replaces idle connections that the store closed
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


S = TypeVar("S", bound="StoreBackend")


def store_operation(
    method: Callable[Concatenate[S, P], Awaitable[T]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Return `method` with a deadline, and with 503 if the store fails.

    An unavailable store neither authenticates a caller nor makes a session look expired.
    """

    @functools.wraps(method)
    async def bounded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self.deadlines.bound(method(self, *args, **kwargs))
        except FAILURES as error:
            raise unavailable("store_unavailable") from error

    return bounded


class StoreBackend:
    """Base class for records in the store; operations are decorated with `store_operation`.

    Args:
        redis: Client of the store.
    """

    def __init__(self, redis: Store) -> None:
        self.deadlines = Deadlines(TIMEOUT_S)
        self._redis = redis

    @store_operation
    async def ping(self) -> None:
        """Return when the store answers.

        Raises:
            web.HTTPServiceUnavailable: The store does not answer.
        """
        await self._redis.ping()

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
