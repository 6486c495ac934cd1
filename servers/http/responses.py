"""Error responses and request bodies, shared by all routes and schemes."""

import asyncio
import json
from typing import Any, Final, TypeVar

from aiohttp import web

#: `Retry-After` of a 503 response, in seconds.
RETRY_AFTER_S: Final = 1

#: Maximum size of a request body in bytes; all bodies of the contract are far smaller.
MAX_BODY_BYTES: Final = 4096

#: Seconds that a body may take; also limits how long a request can outlive its revoked credential.
BODY_TIMEOUT_S: Final = 5.0

E = TypeVar("E", bound=web.HTTPException)


def error(kind: type[E], code: str, headers: dict[str, str] | None = None) -> E:
    """Return an exception of `kind` with the body `{"error": code}`, to be raised."""
    return kind(text=json.dumps({"error": code}), content_type="application/json", headers=headers)


def unavailable(code: str) -> web.HTTPServiceUnavailable:
    """Return a 503 with `Retry-After`, to be raised."""
    return error(web.HTTPServiceUnavailable, code, {"Retry-After": str(RETRY_AFTER_S)})


def no_store(response: web.StreamResponse) -> None:
    """Forbid caches to store `response`, because it carries a credential."""
    response.headers["Cache-Control"] = "no-store"


async def read_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in the body of `request`.

    Raises:
        web.HTTPUnsupportedMediaType: The content type is not JSON, as in a form of another site.
        web.HTTPRequestTimeout: The body did not arrive in time.
        web.HTTPRequestEntityTooLarge: The body is larger than `MAX_BODY_BYTES`.
        web.HTTPBadRequest: The body is not a JSON object.
    """
    if request.content_type != "application/json":
        raise error(web.HTTPUnsupportedMediaType, "json_expected")
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            text = await request.read()
    except TimeoutError:
        raise error(web.HTTPRequestTimeout, "too_slow") from None
    except (web.RequestPayloadError, ConnectionError):  # ConnectionError: the client disconnected
        raise error(web.HTTPBadRequest, "bad_request") from None
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise error(web.HTTPBadRequest, "bad_request") from None
    if not isinstance(body, dict):
        raise error(web.HTTPBadRequest, "bad_request")
    return body


def text_field(body: dict[str, Any], name: str, max_length: int = 1024) -> str:
    """Return the string `body[name]`, of 1 to `max_length` characters.

    Raises:
        web.HTTPBadRequest: The field is missing, not a string, of another length, or not encodable as UTF-8.
    """
    value = body.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= max_length:
        raise error(web.HTTPBadRequest, "bad_request")
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can express
        raise error(web.HTTPBadRequest, "bad_request") from None
    return value
