"""The connection to Redis or Valkey, and what happens while it does not answer."""

import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from servers.answers import unavailable
from servers.deadlines import Deadlines
from servers.errors import UsageError

#: Seconds that one operation may take; after that the store counts as gone.
TIMEOUT_S: Final = 2.0

#: Connections at most, one for each request in flight. redis-py refuses more rather than queue them.
MAX_CONNECTIONS: Final = 1024

P = ParamSpec("P")
T = TypeVar("T")


def connect(url: str) -> Redis:
    """Return a client of the store at `url` (redis://, rediss:// or unix://); it connects when first used.

    One deadline over a whole operation (`asks_store`) stands in for redis-py's own two per command: it
    bounds the same and costs a fraction. One retry, so that a connection which the store closed
    meanwhile (it was restarted) is replaced before anyone notices.

    Raises:
        UsageError: The URL is none of a store.
    """
    try:
        return Redis.from_url(
            url,
            protocol=2,
            socket_timeout=None,
            socket_connect_timeout=TIMEOUT_S,
            max_connections=MAX_CONNECTIONS,
            retry=Retry(NoBackoff(), 1),
        )
    except ValueError:
        raise UsageError(
            "The store's URL cannot be read; it looks like redis://host:6379/0, rediss://... or unix:///path."
        ) from None


async def ask(redis: Redis, *command: str | int) -> Any:
    """Return the store's answer to `command`, by the shortest way through redis-py.

    For the one command that every request waits for: `Redis.execute_command` adds telemetry and a retry, for
    a good part of what the command costs in all. A connection that the store closed while it lay idle is
    replaced by the pool before it is used, so what goes without a retry is a store that dies just then.
    """
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
        except (RedisError, OSError):  # TimeoutError is an OSError
            raise unavailable("store_unavailable") from None

    return bounded


class StoreKeeper:
    """Something that keeps records in the store; its operations are marked by `asks_store`.

    Args:
        redis: The store.
    """

    def __init__(self, redis: Redis) -> None:
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
