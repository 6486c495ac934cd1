"""Stock Redis storage of aiohttp-session with redis-py's default settings, as a reference for `cookie`.

For comparison and attack tests only, do not copy; `ABOUT.waives` lists the protections it lacks.
"""

# ruff: noqa: ARG002, D102 - servers.credentials.scheme documents the methods and their arguments

import uuid

import aiohttp_session
from aiohttp import web
from aiohttp_session.redis_storage import RedisStorage
from redis.asyncio import Redis
from redis.asyncio.sentinel import Sentinel

from servers import contract
from servers.credentials.cookie_transport import CookieTransport
from servers.credentials.guarantees import Promises
from servers.credentials.identity import Identity
from servers.credentials.scheme import About, Scheme
from servers.credentials.session_scheme import SessionScheme
from servers.errors import UsageError
from servers.settings import Settings
from servers.stores.connection import parsed
from servers.stores.store import StoreBackend

ABOUT = About(
    title="Redis session behind a cookie (stock aiohttp-session)",
    transport="cookie",
    read_command="GET",
    promises=Promises(
        logout="at once",
        role_change="at next issue",
        block="at next issue",
        password_change="at next issue",  # noqa: S106 - not a password
        store="every request",
    ),
    waives=(
        "absolute timeout",
        "cookie removal under TLS",
        "end of the replaced session",
        "hashed ids",
        "idle timeout",
        "ids of 128 random bits",
        "no lost update",
        "no resurrection",
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


class CookieStock(SessionScheme):
    """Scheme that identifies callers by the session in the stock storage."""

    async def identify(self, request: web.Request) -> Identity:
        self._transport.read(request)  # applies the size limit, which the storage lacks
        return await super().identify(request)

    async def issue(
        self, request: web.Request, response: web.StreamResponse, identity: Identity
    ) -> dict[str, str | int]:
        session = await aiohttp_session.new_session(request)
        # Set now and not by the storage when saving, because the response has the CSRF token bound to it.
        session.set_new_identity(uuid.uuid4().hex)
        session.update(identity._asdict())
        return {"csrf_token": self._transport.csrf_token(self.binding(session))}

    async def revoke(self, request: web.Request, response: web.StreamResponse) -> None:
        session = await aiohttp_session.get_session(request)
        session.invalidate()


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
    return CookieStock(storage, transport, StoreBackend(redis))


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
