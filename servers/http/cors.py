"""CORS: only pages of explicitly configured origins may call this server, matched exactly."""

import re
from collections.abc import Sequence
from typing import Final, Literal

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from servers import contract
from servers.errors import UsageError
from servers.http.responses import error

#: Request headers that a page may set, by transport of the scheme.
ALLOWED_HEADERS: Final = {
    "cookie": (hdrs.CONTENT_TYPE, contract.CSRF_HEADER),
    "bearer": (hdrs.CONTENT_TYPE, hdrs.AUTHORIZATION),
    "none": (hdrs.CONTENT_TYPE,),
}

#: Response headers that a page may read besides the CORS-safelisted ones.
EXPOSED_HEADERS: Final = ("Authentication-Info", hdrs.RETRY_AFTER, hdrs.WWW_AUTHENTICATE)

#: Seconds that a browser may cache a preflight response.
PREFLIGHT_MAX_AGE_S: Final = 600

#: An origin as browsers send it: lower case, ASCII, no path, and no default port.
_ORIGIN: Final = re.compile(
    r"(https?)://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::[1-9][0-9]{0,4})?"
)
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


def parse_origin(text: str, *, behind_tls: bool) -> str:
    """Return `text` after checking that it is an origin in the form that browsers send.

    Args:
        text: Value from the command line.
        behind_tls: Whether this server is reached by https; then http origins are rejected, because their
            pages may have been modified in transit.

    Raises:
        UsageError: The text is not an exact origin, and would never match, or match too much.
    """
    match = _ORIGIN.fullmatch(text)
    if match is None or text.removeprefix(f"{match[1]}:").endswith(_DEFAULT_PORTS[match[1]]):
        raise UsageError(
            f"{text!r} is not an exact origin. Use the form of browsers: scheme, host in lower case, and the "
            "port unless it is the default, for example https://app.example.com or http://localhost:3000."
        )
    if behind_tls and match[1] == "http":
        raise UsageError(f"{text!r} is not safe behind TLS: allow an https origin.")
    return text


def allow(
    app: web.Application, origins: Sequence[str], transport: Literal["cookie", "bearer", "none"]
) -> None:
    """Allow pages of `origins` to call all routes of `app`; call it after the routes were added.

    Args:
        app: Application to configure.
        origins: Origins returned by `parse_origin`.
        transport: Transport of the scheme; only cookies need `Access-Control-Allow-Credentials`.
    """
    import aiohttp_cors  # not needed by servers without allowed origins

    options = aiohttp_cors.ResourceOptions(  # type: ignore[no-untyped-call]  # untyped
        allow_credentials=transport == "cookie",
        allow_headers=ALLOWED_HEADERS[transport],
        expose_headers=EXPOSED_HEADERS,
        max_age=PREFLIGHT_MAX_AGE_S,
    )
    cors = aiohttp_cors.setup(app, defaults=dict.fromkeys(origins, options))
    for route in list(app.router.routes()):
        cors.add(route)
    app.middlewares.append(_redact_preflight)
    app.on_response_prepare.append(_vary)


@web.middleware
async def _redact_preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Reject a preflight without quoting its origin and headers, as aiohttp-cors does."""
    try:
        return await handler(request)
    except web.HTTPForbidden:
        if request.method != hdrs.METH_OPTIONS:
            raise
        raise error(web.HTTPForbidden, "cors") from None


async def _vary(_: web.Request, response: web.StreamResponse) -> None:
    """Set `Vary`, so that caches do not serve one origin's response to another."""
    response.headers[hdrs.VARY] = hdrs.ORIGIN
