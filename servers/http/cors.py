"""Pages of other origins that may call this server (CORS): those that were named, exactly, and no others."""

import re
from collections.abc import Sequence
from typing import Final, Literal

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from servers import contract
from servers.errors import UsageError
from servers.http.responses import error

#: Request headers that a page may set, by how the scheme's credentials travel.
ALLOWED_HEADERS: Final = {
    "cookie": (hdrs.CONTENT_TYPE, contract.CSRF_HEADER),
    "bearer": (hdrs.CONTENT_TYPE, hdrs.AUTHORIZATION),
    "none": (hdrs.CONTENT_TYPE,),
}

#: Response headers that a page may read besides those that every page may.
EXPOSED_HEADERS: Final = ("Authentication-Info", hdrs.RETRY_AFTER, hdrs.WWW_AUTHENTICATE)

#: Seconds that a browser may remember the answer to a preflight.
PREFLIGHT_MAX_AGE_S: Final = 600

#: As browsers write an origin: lower case, ASCII, no path, and no port that goes without saying.
_ORIGIN: Final = re.compile(
    r"(https?)://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::[1-9][0-9]{0,4})?"
)
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


def parse_origin(text: str, *, behind_tls: bool) -> str:
    """Return `text`, which names an origin just as browsers do.

    Args:
        text: What the operator gave.
        behind_tls: Whether this server is reached by https; then a page that came by http, which anybody on
            the way may have changed, is trusted no longer.

    Raises:
        UsageError: It is no such origin, and so would never match or match too much.
    """
    match = _ORIGIN.fullmatch(text)
    if match is None or text.removeprefix(f"{match[1]}:").endswith(_DEFAULT_PORTS[match[1]]):
        raise UsageError(
            f"{text!r} is no exact origin. Write it as browsers do: scheme, host in lower case, and the port "
            "unless it is the scheme's own, such as https://app.example.com or http://localhost:3000."
        )
    if behind_tls and match[1] == "http":
        raise UsageError(f"{text!r} is not safe behind TLS: allow an origin whose pages come by https.")
    return text


def allow(
    app: web.Application, origins: Sequence[str], transport: Literal["cookie", "bearer", "none"]
) -> None:
    """Let pages of `origins` call every route of `app`; to be called after the routes were added.

    Args:
        app: The application.
        origins: What `parse_origin` returned.
        transport: How credentials travel. Only cookies need the browser's leave to be sent along.
    """
    import aiohttp_cors  # a server that allows none has no use for it

    options = aiohttp_cors.ResourceOptions(  # type: ignore[no-untyped-call]  # it has no types
        allow_credentials=transport == "cookie",
        allow_headers=ALLOWED_HEADERS[transport],
        expose_headers=EXPOSED_HEADERS,
        max_age=PREFLIGHT_MAX_AGE_S,
    )
    cors = aiohttp_cors.setup(app, defaults=dict.fromkeys(origins, options))
    for route in list(app.router.routes()):
        cors.add(route)
    app.middlewares.append(_refuse_quietly)
    app.on_response_prepare.append(_vary)


@web.middleware
async def _refuse_quietly(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a refused preflight without the origin and the headers that aiohttp-cors would quote."""
    try:
        return await handler(request)
    except web.HTTPForbidden:
        if request.method != hdrs.METH_OPTIONS:
            raise
        raise error(web.HTTPForbidden, "cors") from None


async def _vary(_: web.Request, response: web.StreamResponse) -> None:
    """Keep caches from giving one origin what was answered to another."""
    response.headers[hdrs.VARY] = hdrs.ORIGIN
