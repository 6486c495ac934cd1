"""Headers of all responses, errors included."""

from typing import Final

from aiohttp import hdrs, web

#: Name of the server, without the versions that aiohttp adds: an attacker knows the faults of a version.
_SERVER: Final = "aiohttp"

#: Headers of every response, also of those to requests that reach no handler. `nosniff` keeps browsers from
#: taking JSON for a page.
FIXED: Final = {"X-Content-Type-Options": "nosniff", hdrs.SERVER: _SERVER}

#: Seconds for which browsers remember to use https only: a year, the least of OWASP ASVS 5.0 (3.4.1).
_HSTS_S: Final = 31_536_000


def setup(app: web.Application, *, behind_tls: bool) -> None:
    """Add headers to all responses of `app`.

    Behind TLS, browsers have to use https only from now on (RFC 6797), for this host but not for hosts below
    it.
    """
    headers = dict(FIXED)
    if behind_tls:
        headers[hdrs.STRICT_TRANSPORT_SECURITY] = f"max-age={_HSTS_S}"

    async def add(_: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(headers)

    app.on_response_prepare.append(add)
