"""Clients of a store by its URL: a single server, the master reported by Sentinels, or a cluster."""

import contextlib
from collections.abc import Iterator
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import ConnectionPool, SSLConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from servers.errors import UsageError
from servers.settings import Settings
from servers.stores import urls
from servers.stores.cluster import Cluster
from servers.stores.urls import Nodes

#: Timeout of an operation in seconds, after which the store counts as unavailable.
TIMEOUT_S: Final = 2.0

#: Maximum number of connections, one per request in flight. redis-py rejects more instead of queueing them.
MAX_CONNECTIONS: Final = 1024

#: Timeout of one node of several in seconds; the rest of the deadline is left for the next node.
NODE_TIMEOUT_S: Final = 0.8

#: Client of a single server or of the master reported by Sentinels, or of a cluster.
Store = Redis | Cluster


def store_of(name: str, settings: Settings) -> tuple[Store, str]:
    """Return a client of the store in `settings`, and the prefix of all keys of the scheme `name` there.

    Raises:
        UsageError: The URL is invalid, or a TLS file in it cannot be read.
    """
    return connect(settings.redis_url), f"{settings.key_prefix}{name}:"


def connect(url: str) -> Store:
    """Return a client of the store at `url`, which connects on first use.

    The URL is redis://, rediss:// or unix://, as redis-py defines them, or one of `servers.stores.urls`.

    Raises:
        UsageError: The URL is invalid, or a TLS file in it cannot be read.
    """
    with parsed(url) as nodes:
        if nodes is None:
            return _single(url)
        return _cluster(nodes) if nodes.kind == "cluster" else _master(nodes)


@contextlib.contextmanager
def parsed(url: str) -> Iterator[Nodes | None]:
    """Yield the nodes in `url`, None for a single server, and convert errors of the context to `UsageError`.

    Raises:
        UsageError: The URL is invalid, or a TLS file in it cannot be read.
    """
    try:
        yield urls.parse(url)
    except TypeError as error:
        raise UsageError(f"redis-py does not support an option of the store's URL: {error}.") from None
    except OSError as error:
        raise UsageError(
            f"A TLS file in the store's URL cannot be read: {error.strerror or error}."
        ) from None
    except (ValueError, RedisError, RedisClusterException):
        raise UsageError(
            "The store's URL cannot be read; use redis://host:6379/0, rediss://..., unix:///path,"
            " redis+sentinel://host:26379,host:26379/NAME or redis+cluster://host:6379,host:6379,"
            f" and {urls.UNESCAPED_PASSWORD}."
        ) from None


def _single(url: str) -> Redis:
    """Return a client of a single server.

    One deadline per operation (`servers.stores.store.store_operation`) replaces redis-py's two timeouts per
    command. One retry, so that a connection that the store closed (by
    a restart) is replaced without a failed request.
    """
    redis = Redis.from_url(
        url,
        protocol=2,
        socket_timeout=None,
        socket_connect_timeout=TIMEOUT_S,
        max_connections=MAX_CONNECTIONS,
        retry=Retry(NoBackoff(), 1),
    )
    _check(redis.connection_pool)
    return redis


def _master(nodes: Nodes) -> Redis:
    """Return a client of the master; each new connection queries the Sentinels for its address."""
    timeouts = {"socket_timeout": NODE_TIMEOUT_S, "socket_connect_timeout": NODE_TIMEOUT_S}
    no_retry = Retry(NoBackoff(), 0)  # the next Sentinel is queried instead
    sentinel_options = {"protocol": 2, "retry": no_retry} | timeouts | nodes.sentinel_options
    options: dict[str, Any] = {
        "protocol": 2,
        "socket_timeout": None,
        "socket_connect_timeout": NODE_TIMEOUT_S,
        "max_connections": MAX_CONNECTIONS,
        "retry": Retry(NoBackoff(), 1),
    } | nodes.options
    sentinel = Sentinel(nodes.hosts, sentinel_kwargs=sentinel_options)  # type: ignore[no-untyped-call]
    redis: Redis = sentinel.master_for(nodes.name, connection_pool_class=MasterPool, **options)
    for client in (redis, *sentinel.sentinels):
        _check(client.connection_pool)
    return redis


class MasterPool(SentinelConnectionPool):
    """Connections to the master; closing them also closes those to the Sentinels."""

    async def get_master_address(self) -> tuple[str, int]:
        """Return the address of the current master."""
        try:
            address: tuple[str, int] = await super().get_master_address()  # type: ignore[no-untyped-call]
        except MasterNotFoundError:
            raise MasterNotFoundError(
                f"no Sentinel accepts the connection and reports a master {self.service_name}"
            ) from None
        return address

    async def aclose(self) -> None:
        """Close the connections."""
        await super().aclose()
        await self.sentinel_manager.aclose()


def _cluster(nodes: Nodes) -> Cluster:
    """Return a client of a cluster; after the timeout of one node the others are tried."""
    options: dict[str, Any] = {
        "protocol": 2,
        "socket_timeout": NODE_TIMEOUT_S,
        "socket_connect_timeout": NODE_TIMEOUT_S,
        "max_connections": MAX_CONNECTIONS,
        "retry": Retry(NoBackoff(), 2),
    } | nodes.options
    cluster = Cluster(startup_nodes=[ClusterNode(*host) for host in nodes.hosts], **options)
    for node in cluster.startup_nodes:
        _check(node)
    return cluster


def _check(source: ConnectionPool | ClusterNode) -> None:
    """Raise TypeError for unsupported connection options, OSError for files that cannot be read."""
    connection = source.connection_class(**source.connection_kwargs)
    if isinstance(connection, SSLConnection):
        connection.ssl_context.get()
