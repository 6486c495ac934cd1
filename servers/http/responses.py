"""Responses and request bodies, shared by all routes and schemes."""

import asyncio
from typing import Final, TypeVar

import msgspec
from aiohttp import web

#: `Retry-After` of a 503 response, in seconds.
RETRY_AFTER_S: Final = 1

#: Maximum size of a request body in bytes; all bodies of the contract are far smaller.
MAX_BODY_BYTES: Final = 4096

#: Seconds that a body may take; also limits how long a request can outlive its revoked credential.
BODY_TIMEOUT_S: Final = 5.0

#: Error code of an `error`, for the security log.
CODE: Final = web.ResponseKey("code", str)

B = TypeVar("B")
E = TypeVar("E", bound=web.HTTPException)

encode: Final = msgspec.json.Encoder().encode


def json_response(content: object) -> web.Response:
    """Return a response with `content` as JSON."""
    return web.Response(body=encode(content), content_type="application/json")


def error(kind: type[E], code: str, headers: dict[str, str] | None = None) -> E:
    """Return an exception of `kind` with the body `{"error": code}`, to be raised."""
    exception = kind(text=encode({"error": code}).decode(), content_type="application/json", headers=headers)
    exception[CODE] = code
    return exception


def unavailable(code: str) -> web.HTTPServiceUnavailable:
    """Return a 503 with `Retry-After`, to be raised."""
    return error(web.HTTPServiceUnavailable, code, {"Retry-After": str(RETRY_AFTER_S)})


async def read_body(request: web.Request, kind: type[B]) -> B:
    """Return the JSON body of `request`, checked by msgspec against its type (`servers.http.bodies`).

    Raises:
        web.HTTPUnsupportedMediaType: The content type is not JSON, as in a form of another site.
        web.HTTPRequestTimeout: The body did not arrive in time.
        web.HTTPRequestEntityTooLarge: The body is larger than `MAX_BODY_BYTES`.
        web.HTTPBadRequest: The body is not JSON in UTF-8, or not of this type.
    """
    if request.content_type != "application/json":
        raise error(web.HTTPUnsupportedMediaType, "json_expected")
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await request.read()
    except TimeoutError:
        raise error(web.HTTPRequestTimeout, "too_slow") from None
    except (web.RequestPayloadError, ConnectionError):  # ConnectionError: the client disconnected
        raise error(web.HTTPBadRequest, "bad_request") from None
    try:
        return msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError):
        raise error(web.HTTPBadRequest, "bad_request") from None
