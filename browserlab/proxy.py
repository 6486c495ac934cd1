"""What browsers talk to: every name by TLS on one port, pages from memory, the rest passed on to a server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import ClientError, ClientSession, DummyCookieJar, TCPConnector, hdrs, web
from multidict import CIMultiDict
from yarl import URL

from browserlab import certificate, sites
from browserlab.pages import Page
from browserlab.unprotected.weakened import AS_IT_COMES, Weakened
from servers import contract

#: Where an attacker's script brings what it found.
COLLECT: Final = "/collect"

_MAX_AGE: Final = "Access-Control-Max-Age"
#: What belongs to one connection and not to the message (RFC 9110 section 7.6.1), or is reckoned anew.
_OF_THE_CONNECTION: Final = (hdrs.CONNECTION, hdrs.TRANSFER_ENCODING, hdrs.CONTENT_LENGTH, hdrs.KEEP_ALIVE)


@dataclass(frozen=True)
class Site:
    """What answers under one name.

    Attributes:
        pages: Files by path.
        server: Port of the server that answers whatever is no page; None where there is none.
        weakened: What is otherwise than that server has it.
        collected: What came to `COLLECT`; None where nothing is taken there.
    """

    pages: Mapping[str, Page] = field(default_factory=dict)
    server: int | None = None
    weakened: Weakened = AS_IT_COMES
    collected: list[str] | None = None


@dataclass(frozen=True)
class ProxiedRequest:
    """One request that came to a server.

    Attributes:
        method: Of the request; `OPTIONS` is a preflight.
        path: Of the request.
        status: Of the answer.
    """

    method: str
    path: str
    status: int


class Front:
    """Answers browsers by the name that they ask for.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        key: What Chromium knows its certificate by.
        sites: What answers under each name; may be set anew at any time.
        seen: What came to servers, in order.
    """

    def __init__(self, client: ClientSession) -> None:
        self._client = client
        self.port = 0
        self.key = ""
        self.sites: dict[str, Site] = {}
        self.seen: list[ProxiedRequest] = []

    @property
    def arguments(self) -> list[str]:
        """What tells a Chromium to find these names here and no others, and to take this certificate."""
        return [
            f"--host-resolver-rules=MAP *.test 127.0.0.1:{self.port}, MAP * ~NOTFOUND",
            f"--ignore-certificate-errors-spki-list={self.key}",
        ]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        site = self.sites.get(request.host, Site())
        if site.collected is not None and request.path == COLLECT:
            site.collected.append(await request.text())
            return web.Response(status=204)
        if page := site.pages.get(request.path):
            return web.Response(body=page.body, headers={hdrs.CONTENT_TYPE: page.kind, **page.headers})
        if site.server is None:
            raise web.HTTPNotFound
        try:
            return await self._passed_on(request, site.server, site.weakened)
        except ClientError:
            raise web.HTTPBadGateway from None

    async def _passed_on(self, request: web.Request, server: int, weakened: Weakened) -> web.Response:
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
        async with self._client.request(
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
        """The proof that a write needs, as the caller's own page would have got it; empty for a stranger."""
        own = {name: headers[name] for name in (hdrs.HOST, hdrs.COOKIE) if name in headers}
        async with self._client.get(base / contract.CSRF.removeprefix("/"), headers=own) as reply:
            return str((await reply.json())["csrf_token"]) if reply.status == web.HTTPOk.status_code else ""


@asynccontextmanager
async def front() -> AsyncIterator[Front]:
    """A front on a free port, gone afterwards."""
    context, key = certificate.make(sites.ALL)
    connector = TCPConnector(limit=0)
    async with ClientSession(
        connector=connector, cookie_jar=DummyCookieJar(), auto_decompress=False
    ) as client:
        opened = Front(client)
        opened.key = key
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", opened.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
            opened.port = runner.addresses[0][1]
            yield opened
        finally:
            await runner.cleanup()


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """A message's headers less those of its connection."""
    kept = CIMultiDict(headers)
    for name in _OF_THE_CONNECTION:
        kept.popall(name, None)
    return kept
