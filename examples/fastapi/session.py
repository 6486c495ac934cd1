"""Sessions in Redis with a cookie, by starsessions: `uvicorn session:app`."""

import hmac
import os
import secrets
from typing import Any

from accounts import Account
from api import Identity, create_app, unauthorized
from fastapi import HTTPException, Request
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starsessions import SessionAutoloadMiddleware, SessionMiddleware, regenerate_session_id
from starsessions.stores.redis import RedisStore

HALF_AN_HOUR_S = 30 * 60

redis = Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))


class Sessions:
    """Scheme with a session's identifier in a cookie and its record in Redis."""

    challenge = 'Cookie realm="api"'

    async def required(self, request: Request) -> Identity:
        """Return the identity in the session; raise `unauthorized` without one."""
        identity = request.session.get("identity")
        if identity is None:
            raise unauthorized(self.challenge)
        return dict(identity)

    async def proven(self, request: Request) -> None:
        """Raise an error if a session's CSRF token was not sent; `required` refuses requests without one."""
        known = request.session.get("csrf")
        sent = request.headers.get("X-CSRF-Token", "")
        if known is not None and not hmac.compare_digest(sent.encode(), known.encode()):
            raise HTTPException(403, "csrf")

    async def issue(self, request: Request, account: Account) -> dict[str, Any]:
        """Issue a session with a fresh identifier, against session fixation."""
        request.session.clear()
        csrf = secrets.token_urlsafe(32)
        request.session.update({"identity": account.identity, "csrf": csrf})
        regenerate_session_id(request)
        return {"csrf_token": csrf}

    async def end(self, request: Request) -> None:
        """End the session: an empty session is removed from the store."""
        request.session.clear()


async def store_responds() -> bool:
    """Whether the store responds."""
    try:
        return bool(await redis.ping())
    except RedisError:
        return False


scheme = Sessions()
app = create_app(scheme, store_responds)
app.add_middleware(SessionAutoloadMiddleware)
app.add_middleware(
    SessionMiddleware,
    store=RedisStore(connection=redis, prefix=os.environ.get("KEY_PREFIX", "session:")),
    cookie_name="fastapi.sid",
    cookie_same_site="lax",
    cookie_https_only=False,  # behind TLS: True
    lifetime=HALF_AN_HOUR_S,
    rolling=True,
)


@app.get("/api/csrf")
async def read_csrf(request: Request) -> dict[str, str]:
    """Return the CSRF token, which must be sent with writes."""
    await scheme.required(request)
    return {"csrf_token": request.session["csrf"]}
