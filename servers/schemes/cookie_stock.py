"""aiohttp-session's own Redis storage and redis-py's own settings, as documented: the measure for `cookie`.

There to be weighed and attacked, not to be copied; `ABOUT.waives` names what it leaves out.
"""

# ruff: noqa: ARG002, D102 - servers.credentials.scheme documents the methods, and what each is given

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
from servers.stores.connection import readable
from servers.stores.store import StoreKeeper

ABOUT = About(
    title="Redis session behind a cookie (aiohttp-session as it comes)",
    transport="cookie",
    read_command="GET",
    promises=Promises(
        logout="at once",
        role_change="at next issue",
        block="at next issue",
        password_change="at next issue",  # noqa: S106 - no password
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
    """The stock storage, but for what its keys in the store begin with: a name given, not the cookie's."""

    key_prefix = ""

    @property
    def cookie_name(self) -> str:
        """What RedisStorage puts before a session's id; the cookie's name it takes from elsewhere."""
        return self.key_prefix


class CookieStock(SessionScheme):
    """Knows a caller by the session in the store, as far as the stock storage keeps it."""

    async def identify(self, request: web.Request) -> Identity:
        self._transport.read(request)  # the storage would look up anything
        return await super().identify(request)

    async def issue(
        self, request: web.Request, response: web.StreamResponse, identity: Identity
    ) -> dict[str, str | int]:
        session = await aiohttp_session.new_session(request)
        # What the storage would do on saving; done now, since the answer tells the CSRF token bound to it.
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
    return CookieStock(storage, transport, StoreKeeper(redis))


def _connect(url: str) -> Redis:
    """Return a client of the store, or of the master that Sentinels name, as redis-py documents it.

    Raises:
        UsageError: The URL cannot be read, or names a cluster.
    """
    with readable(url) as several:
        if several is None:
            return Redis.from_url(url)
        if several.kind == "cluster":
            raise UsageError(
                "cookie-stock cannot use a cluster: aiohttp-session's storage takes a client of one store. "
                "Name another scheme, or another store."
            )
        sentinel = Sentinel(several.hosts, sentinel_kwargs=several.sentinel_options)  # type: ignore[no-untyped-call]
        redis: Redis = sentinel.master_for(several.name, **several.options)
        return redis
