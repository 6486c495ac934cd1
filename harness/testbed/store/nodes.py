"""A store as the nodes that hold its keys, each by a client of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisClusterException
from redis.retry import Retry
from redis.sentinel import Sentinel

from harness.errors import SuiteError
from servers.stores import urls

#: What redis-py raises when a store fails; that of a cluster is of another family.
FAILURES: Final = (redis.RedisError, RedisClusterException, OSError)

_FORMS: Final = (
    "redis://host:6379/0, rediss://..., unix:///path, redis+sentinel://host:26379,host:26379/NAME"
    " or redis+cluster://host:6379,host:6379"
)


def connect(url: str, timeout_s: float) -> list[redis.Redis]:
    """A client of the one store, or of the master that Sentinels name; or one of each master of a cluster.

    Only a cluster is asked anything yet. Which masters it has is asked once.

    Raises:
        SuiteError: The URL cannot be read; its text is not shown, since it may hold a password.
        redis.RedisError, RedisClusterException, OSError: A cluster does not answer.
    """
    timeouts: dict[str, Any] = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
    try:
        several = urls.parse(url)
        if several is None:
            return [_checked(redis.Redis.from_url(url, **timeouts))]
        options = timeouts | several.options
        if several.kind == "cluster":
            return _masters(several.hosts, options)
        once = {"retry": Retry(NoBackoff(), 0)}  # another Sentinel is asked instead
        of_sentinels = once | timeouts | several.sentinel_options
        sentinel: Any = Sentinel(several.hosts, sentinel_kwargs=of_sentinels)  # type: ignore[no-untyped-call]
        return [_checked(sentinel.master_for(several.name, **options))]
    except (ValueError, TypeError):
        raise SuiteError(f"--redis-url: it cannot be read; it looks like {_FORMS}.") from None


def _checked(client: redis.Redis) -> redis.Redis:
    """Raise TypeError for options that no connection knows, which else the first command would."""
    pool = client.connection_pool
    pool.connection_class(**pool.connection_kwargs)
    return client


def _masters(hosts: list[tuple[str, int]], options: dict[str, Any]) -> list[redis.Redis]:
    nodes = [ClusterNode(*host) for host in hosts]  # type: ignore[no-untyped-call]
    cluster: Any = RedisCluster(startup_nodes=nodes, **options)
    return [cluster.get_redis_connection(node) for node in cluster.get_primaries()]


def store_version(info: Mapping[str, Any]) -> tuple[str, str]:
    """Name and version of a store, from the section `server` of its INFO."""
    name = "valkey" if info.get("server_name") == "valkey" or "valkey_version" in info else "redis"
    return name, str(info.get(f"{name}_version", info["redis_version"]))
