"""What the store is asked, and what happens while it does not answer."""

import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from redis.exceptions import RedisClusterException, RedisError

from servers.http.deadlines import Deadlines
from servers.http.responses import unavailable
from servers.stores.cluster import Cluster
from servers.stores.connection import TIMEOUT_S, Store

#: What redis-py raises when a store fails; that of a cluster is of another family.
FAILURES: Final = (RedisError, RedisClusterException, OSError)  # TimeoutError is an OSError

P = ParamSpec("P")
T = TypeVar("T")


async def ask(redis: Store, *command: str | int) -> Any:
    """Return the store's answer to `command`, by the shortest way through redis-py.

    For the one command that every request waits for: `Redis.execute_command` adds telemetry and a retry, for
    a good part of what the command costs in all. A connection that the store closed while it lay idle is
    replaced by the pool before it is used, so what goes without a retry is a store that dies just then.
    """
    if isinstance(redis, Cluster):
        return await redis.at_slot(command)
    pool = redis.connection_pool
    connection = await pool.get_connection()  # type: ignore[no-untyped-call]  # redis-py gives it no types
    try:
        await connection.send_command(*command)
        return await connection.read_response()  # after a failure it closes the connection itself
    finally:
        await pool.release(connection)


S = TypeVar("S", bound="StoreKeeper")


def asks_store(
    method: Callable[Concatenate[S, P], Awaitable[T]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Make `method` answer before its deadline, and raise 503 where the store fails it.

    Nobody is let in, and nobody is told that a session ended, because a store was away.
    """

    @functools.wraps(method)
    async def bounded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self.deadlines.bound(method(self, *args, **kwargs))
        except FAILURES as error:
            raise unavailable("store_unavailable") from error

    return bounded


class StoreKeeper:
    """Something that keeps records in the store; its operations are marked by `asks_store`.

    Args:
        redis: The store.
    """

    def __init__(self, redis: Store) -> None:
        self.deadlines = Deadlines(TIMEOUT_S)
        self._redis = redis

    @asks_store
    async def ping(self) -> None:
        """Return when the store answers.

        Raises:
            web.HTTPServiceUnavailable: It does not.
        """
        await self._redis.ping()

    async def close(self) -> None:
        """End the connections."""
        await self._redis.aclose()
