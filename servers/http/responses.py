"""The forms of answers and of request bodies that every route and every scheme shares."""

import asyncio
import json
from typing import Any, Final, TypeVar

from aiohttp import web

#: Seconds after which a caller may try again that was answered 503.
RETRY_AFTER_S: Final = 1

#: Bytes of the largest request body that is read; every body of the contract is far smaller.
MAX_BODY_BYTES: Final = 4096

#: Seconds that a body may take: so long at most can a request go on whose credential ended meanwhile.
BODY_TIMEOUT_S: Final = 5.0

E = TypeVar("E", bound=web.HTTPException)


def error(kind: type[E], code: str, headers: dict[str, str] | None = None) -> E:
    """Return an answer of `kind` whose body is `{"error": code}`, to be raised."""
    return kind(text=json.dumps({"error": code}), content_type="application/json", headers=headers)


def unavailable(code: str) -> web.HTTPServiceUnavailable:
    """Return the 503 that asks the caller to come back, to be raised."""
    return error(web.HTTPServiceUnavailable, code, {"Retry-After": str(RETRY_AFTER_S)})


def no_store(response: web.StreamResponse) -> None:
    """Forbid caches to keep `response`, since it carries a credential."""
    response.headers["Cache-Control"] = "no-store"


async def read_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in the body of `request`.

    Raises:
        web.HTTPUnsupportedMediaType: It is declared as something else, as a form of another site would.
        web.HTTPRequestTimeout: It did not come in time.
        web.HTTPRequestEntityTooLarge: It is larger than `MAX_BODY_BYTES`.
        web.HTTPBadRequest: It is not a JSON object.
    """
    if request.content_type != "application/json":
        raise error(web.HTTPUnsupportedMediaType, "json_expected")
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            text = await request.read()
    except TimeoutError:
        raise error(web.HTTPRequestTimeout, "too_slow") from None
    except (web.RequestPayloadError, ConnectionError):  # the latter: it hung up
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
        web.HTTPBadRequest: It is absent, no string, of another length, or cannot be written as UTF-8.
    """
    value = body.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= max_length:
        raise error(web.HTTPBadRequest, "bad_request")
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell
        raise error(web.HTTPBadRequest, "bad_request") from None
    return value
