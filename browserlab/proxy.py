"""TLS proxy for all host names: serves pages from memory, and passes other requests on to a server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from aiohttp import ClientError, ClientSession, DummyCookieJar, TCPConnector, hdrs, web
from multidict import CIMultiDict
from yarl import URL

from browserlab import certificate, sites
from browserlab.pages import Page
from browserlab.unprotected import AS_IT_COMES, Weakened
from servers import contract

#: Path that receives the data stolen by an attacker's script.
COLLECT: Final = "/collect"

_MAX_AGE: Final = "Access-Control-Max-Age"
#: Headers of a connection, not of the message (RFC 9110 section 7.6.1), or calculated anew.
_OF_THE_CONNECTION: Final = (hdrs.CONNECTION, hdrs.TRANSFER_ENCODING, hdrs.CONTENT_LENGTH, hdrs.KEEP_ALIVE)


@dataclass(frozen=True)
class Site:
    """Content of a host name.

    Attributes:
        pages: Files by path.
        server: Port of the server for all other paths; None if there is no server.
        weakened: Protections of the server to remove.
        collected: Data received at `COLLECT`; None if it is not accepted there.
    """

    pages: Mapping[str, Page] = field(default_factory=dict)
    server: int | None = None
    weakened: Weakened = AS_IT_COMES
    collected: list[str] | None = None


class ProxiedRequest(NamedTuple):
    """A request that was passed on to a server; the method of a preflight is `OPTIONS`."""

    method: str
    path: str
    status: int


@dataclass
class Proxy:
    """Proxy that responds to browsers by host name.

    Attributes:
        client: Client for requests to servers.
        key: Hash of the certificate's key, for Chromium.
        port: Port on 127.0.0.1.
        sites: Content by host name; may be replaced at any time.
        seen: Requests that were passed on to servers, in order.
    """

    client: ClientSession
    key: str
    port: int = 0
    sites: dict[str, Site] = field(default_factory=dict)
    seen: list[ProxiedRequest] = field(default_factory=list)

    @property
    def arguments(self) -> list[str]:
        """Return Chromium's arguments to resolve these host names only and to accept the certificate."""
        return [
            f"--host-resolver-rules=MAP *.test 127.0.0.1:{self.port}, MAP * ~NOTFOUND",
            f"--ignore-certificate-errors-spki-list={self.key}",
        ]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Respond to a request."""
        site = self.sites.get(request.host, Site())
        if site.collected is not None and request.path == COLLECT:
            site.collected.append(await request.text())
            return web.Response(status=204)
        if page := site.pages.get(request.path):
            return web.Response(body=page.body, headers={hdrs.CONTENT_TYPE: page.kind, **page.headers})
        if site.server is None:
            raise web.HTTPNotFound
        try:
            return await self._pass_on(request, site.server, site.weakened)
        except ClientError:
            raise web.HTTPBadGateway from None

    async def _pass_on(self, request: web.Request, server: int, weakened: Weakened) -> web.Response:
        base = URL(f"http://127.0.0.1:{server}")
        method, body, headers = request.method, await request.read(), _end_to_end(request.headers)
        if not weakened.safe_gets and method == hdrs.METH_GET and request.path == contract.EMAIL:
            method, body = hdrs.METH_POST, json.dumps(dict(request.query)).encode()
            headers[hdrs.CONTENT_TYPE] = "application/json"
        if not weakened.json_only and method == hdrs.METH_POST:
            headers[hdrs.CONTENT_TYPE] = "application/json"
        if not weakened.proof and method == hdrs.METH_POST:
            headers[contract.CSRF_HEADER] = await self._proof(base, headers)
        url = URL(f"{base}{request.path if method != request.method else request.raw_path}", encoded=True)
        async with self.client.request(
            method, url, headers=headers, data=body, allow_redirects=False
        ) as reply:
            answer = web.Response(status=reply.status, body=await reply.read())
            answer.headers.clear()
            for name, value in _end_to_end(reply.headers).items():
                is_cookie = name.lower() == hdrs.SET_COOKIE.lower()
                answer.headers.add(name, weakened.set_cookie(value) if is_cookie else value)
        if weakened.preflight_max_age_s is not None and _MAX_AGE in answer.headers:
            answer.headers[_MAX_AGE] = str(weakened.preflight_max_age_s)
        self.seen.append(ProxiedRequest(request.method, request.path, reply.status))
        return answer

    async def _proof(self, base: URL, headers: CIMultiDict[str]) -> str:
        """Return the CSRF token of a write, as the user's page would get it; empty without a valid cookie."""
        kept = {name: headers[name] for name in (hdrs.HOST, hdrs.COOKIE) if name in headers}
        async with self.client.get(base / contract.CSRF.removeprefix("/"), headers=kept) as reply:
            return str((await reply.json())["csrf_token"]) if reply.status == web.HTTPOk.status_code else ""


@asynccontextmanager
async def open_proxy() -> AsyncIterator[Proxy]:
    """Start a proxy on a free port, and stop it afterwards."""
    context, key = certificate.make(sites.ALL)
    connector = TCPConnector(limit=0)
    async with ClientSession(
        connector=connector, cookie_jar=DummyCookieJar(), auto_decompress=False
    ) as client:
        proxy = Proxy(client, key)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", proxy.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
            proxy.port = runner.addresses[0][1]
            yield proxy
        finally:
            await runner.cleanup()


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Return a message's headers without those of its connection."""
    kept = CIMultiDict(headers)
    for name in _OF_THE_CONNECTION:
        kept.popall(name, None)
    return kept
