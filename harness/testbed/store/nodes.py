"""Clients of the store: one for each node that holds keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisClusterException
from redis.retry import Retry
from redis.sentinel import Sentinel

from harness.errors import EnvironmentFailedError, SuiteError
from servers.stores import urls

#: Exceptions of redis-py when a store fails; a cluster's is not a RedisError.
FAILURES: Final = (redis.RedisError, RedisClusterException, OSError)


def connect(url: str, timeout_s: float) -> list[redis.Redis]:
    """Return a client of a single store, of the master of Sentinels, or of each master of a cluster.

    Only for a cluster this sends commands. The masters of a cluster are read once.

    Raises:
        SuiteError: The URL is invalid; the message does not contain it, since it may have a password.
        redis.RedisError, RedisClusterException, OSError: A cluster does not answer.
    """
    timeouts: dict[str, Any] = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
    try:
        parsed = urls.parse(url)
        if parsed is None:
            return [_checked(redis.Redis.from_url(url, **timeouts))]
        options = timeouts | parsed.options
        if parsed.kind == "cluster":
            startup = [ClusterNode(*host) for host in parsed.hosts]  # type: ignore[no-untyped-call]
            cluster: Any = RedisCluster(startup_nodes=startup, **options)
            return [cluster.get_redis_connection(node) for node in cluster.get_primaries()]
        no_retry = {"retry": Retry(NoBackoff(), 0)}  # the next Sentinel is tried instead
        of_sentinels = no_retry | timeouts | parsed.sentinel_options
        sentinel: Any = Sentinel(parsed.hosts, sentinel_kwargs=of_sentinels)  # type: ignore[no-untyped-call]
        return [_checked(sentinel.master_for(parsed.name, **options))]
    except (ValueError, TypeError):
        raise SuiteError(
            "--redis-url: invalid URL; expected one of the forms redis://host:6379/0, rediss://...,"
            " unix:///path, redis+sentinel://host:26379,host:26379/NAME or redis+cluster://host:6379,host:6379;"
            f" {urls.UNESCAPED_PASSWORD}."
        ) from None


def _checked(client: redis.Redis) -> redis.Redis:
    """Raise TypeError for unknown connection options now, not at the first command."""
    pool = client.connection_pool
    pool.connection_class(**pool.connection_kwargs)
    return client


@contextmanager
def answering(failure: type[EnvironmentFailedError] = EnvironmentFailedError) -> Iterator[None]:
    """Raise this error if the store fails to answer in the context."""
    try:
        yield
    except FAILURES as error:
        raise failure(f"the session store stopped answering: {error}") from error


def store_version(info: Mapping[str, Any]) -> tuple[str, str]:
    """Return name and version of a store, from the section `server` of its INFO."""
    name = "valkey" if info.get("server_name") == "valkey" or "valkey_version" in info else "redis"
    return name, str(info.get(f"{name}_version", info["redis_version"]))
