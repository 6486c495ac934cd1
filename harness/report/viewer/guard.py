"""Who may ask, and what every answer forbids: only pages of this server's own read what it serves.

The server listens on loopback, but any page in a browser on this machine can send requests there. A page
that has bound its own name to 127.0.0.1 (DNS rebinding) is told apart by the Host header, and one that embeds
or fetches by Sec-Fetch-Site.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

_METHODS: Final = ("GET", "HEAD")
_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
_HTTP_PORT: Final = 80
_MISDIRECTED: Final = 421
#: Of pages of this viewer: their own style, script and pictures, and nothing else.
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
async def refuse_strangers(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer only to this server's own names, to reading, and to pages of its own or to nobody's."""
    if not _is_ours(request):
        return web.Response(status=_MISDIRECTED, text="421: this server answers to no such name\n")
    if request.method not in _METHODS:
        raise web.HTTPMethodNotAllowed(request.method, _METHODS)
    if _is_from_another_page(request):
        raise web.HTTPForbidden(text="403: not for other pages\n")
    return await handler(request)


def _is_ours(request: web.Request) -> bool:
    """Whether the one Host header names this machine's loopback and the port that is listened on."""
    hosts = request.headers.getall("Host", [])
    address = request.get_extra_info("sockname")
    if len(hosts) != 1 or address is None:
        return False
    port = address[1]
    names = {f"{name}:{port}" for name in _NAMES} | ({*_NAMES} if port == _HTTP_PORT else set())
    return hosts[0].lower() in names


def _is_from_another_page(request: web.Request) -> bool:
    """Whether another site's page, or another port's, asks; following a link to here is no such thing."""
    if request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin"):
        return False
    wanted = request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")
    return wanted != ("navigate", "document")


async def forbid(_request: web.Request, response: web.StreamResponse) -> None:
    """Put on an answer of any kind what it forbids; what it says itself stays."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.pop("Server", None)
