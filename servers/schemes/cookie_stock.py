"""Stock Redis storage of aiohttp-session with redis-py's default settings, as a reference for `cookie`.

For comparison and attack tests only, do not copy; `ABOUT.waives` lists the protections it lacks.
"""

# ruff: noqa: D102 - servers.credentials.stock_session_scheme documents the method

import uuid
from dataclasses import replace

from aiohttp_session import Session
from aiohttp_session.redis_storage import RedisStorage
from redis.asyncio import Redis
from redis.asyncio.sentinel import Sentinel

from servers import contract
from servers.credentials.cookie_transport import CookieTransport
from servers.credentials.scheme import SELF_CONTAINED, About, Scheme
from servers.credentials.stock_session_scheme import StockSessionScheme
from servers.errors import UsageError
from servers.settings import Settings
from servers.stores.connection import parsed
from servers.stores.store import StoreBackend

ABOUT = About(
    title="Redis session behind a cookie (stock aiohttp-session)",
    transport="cookie",
    read_command="GET",
    # Sessions are in the store, but without an index by account: only a logout revokes one.
    promises=replace(SELF_CONTAINED, logout="at once", store="every request"),
    waives=(
        "absolute timeout",
        "cookie removal under TLS",
        "end of the replaced session",
        "hashed ids",
        "idle timeout",
        "ids of 128 random bits",
        "no lost update",
        "no resurrection",
        "planted cookies",
        "store outage",
    ),
)


class PrefixedRedisStorage(RedisStorage):
    """Stock storage with a configurable key prefix instead of the cookie's name."""

    key_prefix = ""

    @property
    def cookie_name(self) -> str:
        """Return the key prefix, for which RedisStorage uses this property (but not for the cookie)."""
        return self.key_prefix


class CookieStock(StockSessionScheme):
    """Scheme that identifies callers by the session in the stock Redis storage."""

    def set_id(self, session: Session) -> None:
        # Now and not by the storage when saving, because the response has the CSRF token bound to it.
        session.set_new_identity(uuid.uuid4().hex)


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    redis = _connect(settings.redis_url)
    transport = CookieTransport(name, settings)
    storage = PrefixedRedisStorage(
        redis,
        cookie_name=transport.name,
        max_age=settings.lifetime_s or contract.ABSOLUTE_TIMEOUT_S,
        secure=settings.behind_tls,
        samesite="Lax",
    )
    storage.key_prefix = f"{settings.key_prefix}{name}:session"
    return CookieStock(storage, transport, StoreBackend(redis, f"{settings.key_prefix}{name}:"))


def _connect(url: str) -> Redis:
    """Return a client of the store, or of the master reported by Sentinels, as documented by redis-py.

    Raises:
        UsageError: The URL is invalid, or is that of a cluster.
    """
    with parsed(url) as nodes:
        if nodes is None:
            return Redis.from_url(url)
        if nodes.kind == "cluster":
            raise UsageError(
                "cookie-stock cannot use a cluster: aiohttp-session's storage needs a single server. "
                "Use another scheme, or another store."
            )
        sentinel = Sentinel(nodes.hosts, sentinel_kwargs=nodes.sentinel_options)  # type: ignore[no-untyped-call]
        redis: Redis = sentinel.master_for(nodes.name, **nodes.options)
        return redis
