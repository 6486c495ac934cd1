"""How a store is reached: one server, the master that Sentinels name, or a cluster, by its URL."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import AbstractConnection, SSLConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from servers.errors import UsageError
from servers.stores import urls
from servers.stores.cluster import Cluster
from servers.stores.urls import Nodes

#: Seconds that one operation may take; after that the store counts as gone.
TIMEOUT_S: Final = 2.0

#: Connections at most, one for each request in flight. redis-py refuses more rather than queue them.
MAX_CONNECTIONS: Final = 1024

#: Seconds that one node of several may take, so that the deadline leaves time to ask the next.
NODE_TIMEOUT_S: Final = 0.8

#: A store, or the master that Sentinels name; or a cluster.
Store = Redis | Cluster


def connect(url: str) -> Store:
    """Return a client of the store at `url`; it connects when first used.

    The URL is redis://, rediss:// or unix://, by redis-py's rules, or one of `servers.stores.urls`.

    Raises:
        UsageError: The URL is none of a store, or names a file for TLS that cannot be read.
    """
    with readable(url) as several:
        if several is None:
            return _one(url)
        return _cluster(several) if several.kind == "cluster" else _master(several)


@contextlib.contextmanager
def readable(url: str) -> Iterator[Nodes | None]:
    """Yield what `url` says of a store of several nodes, else None, to whoever makes a client of it.

    Raises:
        UsageError: The URL is none of a store, or names a file for TLS that cannot be read.
    """
    try:
        yield urls.parse(url)
    except TypeError as error:
        raise UsageError(f"redis-py does not know an option of the store's URL: {error}.") from None
    except OSError as error:
        raise UsageError(
            f"A file for TLS that the store's URL names cannot be read: {error.strerror or error}."
        ) from None
    except (ValueError, RedisError, RedisClusterException):
        raise UsageError(
            "The store's URL cannot be read; it looks like redis://host:6379/0, rediss://..., unix:///path,"
            " redis+sentinel://host:26379,host:26379/NAME or redis+cluster://host:6379,host:6379."
        ) from None


def _one(url: str) -> Redis:
    """Return a client of one store.

    One deadline over a whole operation (`servers.stores.store.asks_store`) stands in for redis-py's own two
    per
    command: it bounds the same and costs a fraction. One retry, so that a connection which the store closed
    meanwhile (it was restarted) is replaced before anyone notices.
    """
    redis = Redis.from_url(
        url,
        protocol=2,
        socket_timeout=None,
        socket_connect_timeout=TIMEOUT_S,
        max_connections=MAX_CONNECTIONS,
        retry=Retry(NoBackoff(), 1),
    )
    pool = redis.connection_pool
    _check(pool.connection_class, pool.connection_kwargs)
    return redis


def _master(several: Nodes) -> Redis:
    """Return a client of the master that Sentinels name; each new connection asks them which that is."""
    timeouts = {"socket_timeout": NODE_TIMEOUT_S, "socket_connect_timeout": NODE_TIMEOUT_S}
    once = Retry(NoBackoff(), 0)  # another Sentinel is asked instead
    of_sentinels = {"protocol": 2, "retry": once} | timeouts | several.sentinel_options
    options: dict[str, Any] = {
        "protocol": 2,
        "socket_timeout": None,
        "socket_connect_timeout": NODE_TIMEOUT_S,
        "max_connections": MAX_CONNECTIONS,
        "retry": Retry(NoBackoff(), 1),
    } | several.options
    sentinel = Sentinel(several.hosts, sentinel_kwargs=of_sentinels)  # type: ignore[no-untyped-call]
    redis: Redis = sentinel.master_for(several.name, connection_pool_class=MasterPool, **options)
    for one in (redis, *sentinel.sentinels):
        _check(one.connection_pool.connection_class, one.connection_pool.connection_kwargs)
    return redis


class MasterPool(SentinelConnectionPool):
    """Connections to the master; those to the Sentinels end with them."""

    async def get_master_address(self) -> tuple[str, int]:
        """Ask which the master is by now."""
        try:
            address: tuple[str, int] = await super().get_master_address()  # type: ignore[no-untyped-call]
        except MasterNotFoundError:
            raise MasterNotFoundError(
                f"no Sentinel lets us in and knows a master {self.service_name}"
            ) from None
        return address

    async def aclose(self) -> None:
        """End the connections."""
        await super().aclose()
        await self.sentinel_manager.aclose()


def _cluster(several: Nodes) -> Cluster:
    """Return a client of a cluster; its nodes have timeouts, after which the others are asked."""
    options: dict[str, Any] = {
        "protocol": 2,
        "socket_timeout": NODE_TIMEOUT_S,
        "socket_connect_timeout": NODE_TIMEOUT_S,
        "max_connections": MAX_CONNECTIONS,
        "retry": Retry(NoBackoff(), 2),
    } | several.options
    cluster = Cluster(startup_nodes=[ClusterNode(*host) for host in several.hosts], **options)
    for node in cluster.startup_nodes:
        _check(node.connection_class, node.connection_kwargs)
    return cluster


def _check(kind: type[AbstractConnection], options: Mapping[str, Any]) -> None:
    """Raise TypeError for options that a connection does not know, OSError for files that it cannot read."""
    connection = kind(**options)
    if isinstance(connection, SSLConnection):
        connection.ssl_context.get()
