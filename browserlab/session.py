"""A browser session for experiments: the proxy, a browser that uses it, and a server per scheme."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal

from aiohttp import ClientSession
from playwright.async_api import Browser, Page

from browserlab import chromium, sites
from browserlab.pages import Client, Store, attacks
from browserlab.proxy import Proxy, Site, open_proxy
from browserlab.unprotected import AS_IT_COMES, Weakened, inject
from servers import contract

#: Transport of the credential, by scheme, for all schemes of the experiments.
TRANSPORTS: Final[Mapping[str, Literal["cookie", "bearer"]]] = {
    "cookie": "cookie",
    "cookie-client": "cookie",
    "cookie-stock": "cookie",
    "token-cookie": "cookie",
    "token": "bearer",
    "token-refresh": "bearer",
}

#: Suffix of a scheme's name for a second server of the scheme.
AGAIN: Final = "-again"

_CALL: Final = """async ([path, method, body]) => {
  const { session } = await import("/app.js");
  const json = { "Content-Type": "application/json" };
  const init = body === null ? { method } : { method, body, headers: json };
  try {
    return (await session.fetch(path, init)).status;
  } catch (error) {
    return 0;
  }
}"""


_ACCOUNT_ID: Final = """async (path) => {
  const { session } = await import("/app.js");
  try {
    const answer = await session.fetch(path, { method: "GET" });
    return answer.ok ? (await answer.json()).id : "";
  } catch (error) {
    return "";
  }
}"""


class UnexpectedError(Exception):
    """A precondition of an experiment is not met; the message names it."""


def scheme_of(server: str) -> str:
    """Return the scheme of a server, from the server's name."""
    return server.removesuffix(AGAIN)


@dataclass(frozen=True)
class Visitor:
    """User with a separate browser context, including its cookies and its cache of preflights."""

    page: Page

    async def open(self, host: str, path: str = "/") -> None:
        """Show a page of a site."""
        await self.page.goto(f"{sites.origin(host)}{path}")

    async def log_in(self, credentials: contract.Credentials = contract.EXAMPLE) -> bool:
        """Log in by the form.

        Returns:
            Whether the page showed the part for logged-in users.
        """
        await self.page.fill("#username", credentials.username)
        await self.page.fill("#password", credentials.password)
        await self.page.click("#login button")
        await self.page.wait_for_selector("#inside:not([hidden]), #problem:not(:empty)")
        return await self.page.is_visible("#inside")

    async def enter(self, host: str, problem: str) -> None:
        """Show a page of a site and log in.

        Raises:
            UnexpectedError: The login failed; `problem` is the message.
        """
        await self.open(host)
        if not await self.log_in():
            raise UnexpectedError(problem)

    async def press(self, button: str) -> str:
        """Press a button for logged-in users, and return the response or problem that is then shown."""
        await self.page.click(button)
        shown = await self.page.wait_for_selector("#answer:not(:empty), #problem:not(:empty)")
        return "" if shown is None else await shown.inner_text()

    async def read(self) -> int:
        """Call the restricted route as the page does, and return the status, 0 without a response."""
        return await self._call(contract.RESTRICTED, "GET", None)

    async def account_id(self) -> str:
        """Call the restricted route as the page does, and return the account's id; empty if it is refused."""
        return str(await self.page.evaluate(_ACCOUNT_ID, contract.RESTRICTED))

    async def write(self, email: str) -> int:
        """Change the email address as the page does, and return the status, 0 without a response."""
        return await self._call(contract.EMAIL, "POST", json.dumps({"email": email}))

    async def _call(self, path: str, method: str, body: str | None) -> int:
        return int(await self.page.evaluate(_CALL, [path, method, body]))


@dataclass(frozen=True)
class BrowserSession:
    """Proxy, browser and servers of an experiment.

    Attributes:
        proxy: Proxy that the browser uses.
        browser: A Chromium.
        servers: Ports by server name, which is the scheme's, or that with `AGAIN`.
        client: HTTP client for calls without a browser.
    """

    proxy: Proxy
    browser: Browser
    servers: Mapping[str, int]
    client: ClientSession

    def configure(
        self,
        server: str,
        *,
        host: str = sites.OWN,
        store: Store = "memory",
        weakened: Weakened = AS_IT_COMES,
        script: str = "",
        policy: bool = True,
    ) -> list[str]:
        """Serve the API of a server, the client at `host`, and the attackers' pages at their site.

        Args:
            server: Name of the server.
            host: Host name of the client.
            store: The client's storage for a bearer token; ignored for cookies.
            weakened: Protections of the server to remove.
            script: URL of a script to inject into the client; empty for none.
            policy: Whether the client keeps its Content-Security-Policy.

        Returns:
            List that receives the data stolen by the attackers' scripts.
        """
        api = "" if host == sites.OWN else sites.origin(sites.OWN)
        transport = TRANSPORTS[scheme_of(server)]
        pages = Client(transport, store if transport == "bearer" else "", api).pages()
        if script:
            pages = inject(pages, script, policy=policy)
        collected: list[str] = []
        self.proxy.sites = {
            host: Site(pages),
            sites.OWN: Site(pages if host == sites.OWN else {}, self.servers[server], weakened),
            sites.STRANGER: Site(pages if host == sites.STRANGER else attacks(), collected=collected),
        }
        self.proxy.seen.clear()
        return collected

    @asynccontextmanager
    async def visitor(self) -> AsyncIterator[Visitor]:
        """Open a new browser context, and close it afterwards."""
        context = await self.browser.new_context()
        try:
            yield Visitor(await context.new_page())
        finally:
            await context.close()

    def preflights(self) -> int:
        """Return the number of preflights at the server since the last call, and clear all requests."""
        preflights = sum(request.method == "OPTIONS" for request in self.proxy.seen)
        self.proxy.seen.clear()
        return preflights

    async def email(self, scheme: str) -> str:
        """Return the email address of the example account on the server.

        Raises:
            UnexpectedError: The server refused the login.
        """
        url = f"http://127.0.0.1:{self.servers[scheme]}{contract.AUTHENTICATE}"
        async with self.client.post(url, json=contract.EXAMPLE._asdict()) as reply:
            if reply.status != 200:
                raise UnexpectedError(f"server {scheme}: a login was answered {reply.status}.")
            return str((await reply.json())["profile"]["email"])


@asynccontextmanager
async def open_session(
    servers: Mapping[str, int], *, third_party_cookies: bool = True
) -> AsyncIterator[BrowserSession]:
    """Start a proxy and a browser, and stop both afterwards.

    Args:
        servers: Ports by server name.
        third_party_cookies: Whether the browser allows third-party cookies.

    Raises:
        chromium.NoBrowserError: There is no browser.
    """
    async with (
        open_proxy() as proxy,
        chromium.launched(proxy.arguments, third_party_cookies=third_party_cookies) as browser,
        ClientSession() as client,
    ):
        yield BrowserSession(proxy, browser, servers, client)
