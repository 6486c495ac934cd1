"""Request checks and response headers, so that only the viewer's own pages can read what it serves.

The server listens on loopback, but any page in a browser on this machine can send requests there. A page
that resolves its own name to 127.0.0.1 (DNS rebinding) is recognised by the Host header; a page that embeds
or fetches, by Sec-Fetch-Site.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

_METHODS: Final = ("GET", "HEAD")
_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
_HTTP_PORT: Final = 80
_MISDIRECTED: Final = 421
#: Policy of the viewer's pages: same-origin style, script and images, and nothing else.
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@web.middleware
async def refuse_strangers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Allow only read requests that use a loopback name and do not come from another site's page."""
    if not _is_ours(request):
        return web.Response(status=_MISDIRECTED, text="421: unknown host name\n")
    if request.method not in _METHODS:
        raise web.HTTPMethodNotAllowed(request.method, _METHODS)
    if _is_from_another_page(request):
        raise web.HTTPForbidden(text="403: requests from other pages are not allowed\n")
    return await handler(request)


def _is_ours(request: web.Request) -> bool:
    """Whether the only Host header names the loopback interface and the port of this server."""
    hosts = request.headers.getall("Host", [])
    address = request.get_extra_info("sockname")
    if len(hosts) != 1 or address is None:
        return False
    port = address[1]
    names = {f"{name}:{port}" for name in _NAMES} | ({*_NAMES} if port == _HTTP_PORT else set())
    return hosts[0].lower() in names


def _is_from_another_page(request: web.Request) -> bool:
    """Whether a page of another site or port sends the request; following a link does not count."""
    if request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin"):
        return False
    purpose = request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")
    return purpose != ("navigate", "document")


async def forbid(_request: web.Request, response: web.StreamResponse) -> None:
    """Add security headers to a response; headers that it already has are kept."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.pop("Server", None)
