"""What an experiment is made on: the front, a browser that finds it, and servers, one a scheme."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal

from aiohttp import ClientSession
from playwright.async_api import Browser, Page

from browserlab import chromium, sites
from browserlab.pages import Client, Store, attacks
from browserlab.proxy import Front, Site, front
from browserlab.unprotected.injected import inject
from browserlab.unprotected.weakened import AS_IT_COMES, Weakened
from servers import contract

#: How a scheme's credential travels, for those that experiments compare.
TRANSPORTS: Final[Mapping[str, Literal["cookie", "bearer"]]] = {
    "cookie": "cookie",
    "token-cookie": "cookie",
    "token": "bearer",
    "token-refresh": "bearer",
}

#: Behind a scheme's name: a second server of it.
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


class UnexpectedError(Exception):
    """The stage is not as an experiment needs it; the text says what is missing."""


def scheme_of(server: str) -> str:
    """The scheme of a server, by the server's name."""
    return server.removesuffix(AGAIN)


@dataclass(frozen=True)
class Visitor:
    """Somebody with a browser of their own: its cookies and its memory of preflights are nobody else's."""

    page: Page

    async def open(self, host: str, path: str = "/") -> None:
        """Show a page of a site."""
        await self.page.goto(f"{sites.origin(host)}{path}")

    async def log_in(self, credentials: contract.Credentials = contract.EXAMPLE) -> bool:
        """Log in by the form.

        Returns:
            Whether the page showed what is for those who are logged in.
        """
        await self.page.fill("#username", credentials.username)
        await self.page.fill("#password", credentials.password)
        await self.page.click("#login button")
        await self.page.wait_for_selector("#inside:not([hidden]), #problem:not(:empty)")
        return await self.page.is_visible("#inside")

    async def press(self, button: str) -> str:
        """Press a button for those who are logged in; the answer that is shown then, or the problem."""
        await self.page.click(button)
        shown = await self.page.wait_for_selector("#answer:not(:empty), #problem:not(:empty)")
        return "" if shown is None else await shown.inner_text()

    async def read(self) -> int:
        """Call the restricted route as the page does; the status, 0 where the page was given no answer."""
        return await self._call(contract.RESTRICTED, "GET", None)

    async def write(self, email: str) -> int:
        """Change the email address as the page does."""
        return await self._call(contract.EMAIL, "POST", json.dumps({"email": email}))

    async def _call(self, path: str, method: str, body: str | None) -> int:
        return int(await self.page.evaluate(_CALL, [path, method, body]))


@dataclass(frozen=True)
class Stage:
    """The place of experiments.

    Attributes:
        front: What browsers talk to.
        browser: A Chromium.
        servers: Port by name, which is the scheme's, or with `AGAIN`.
        client: Calls servers without any browser.
    """

    front: Front
    browser: Browser
    servers: Mapping[str, int]
    client: ClientSession

    def lay_out(
        self,
        server: str,
        *,
        host: str = sites.OWN,
        store: Store = "memory",
        weakened: Weakened = AS_IT_COMES,
        script: str = "",
        policy: bool = True,
    ) -> list[str]:
        """Serve the API by one of the servers, the client at `host`, and attackers' pages at their own site.

        Args:
            server: Which.
            host: Where the client is.
            store: Where it keeps a bearer token; a cookie keeps itself.
            weakened: What is otherwise with the API than the server has it.
            script: Address of somebody else's script in the client; none where empty.
            policy: Leave the client its Content-Security-Policy.

        Returns:
            What attackers will have collected.
        """
        api = "" if host == sites.OWN else sites.origin(sites.OWN)
        transport = TRANSPORTS[scheme_of(server)]
        pages = Client(transport, store if transport == "bearer" else "", api).pages()
        if script:
            pages = inject(pages, script, policy=policy)
        collected: list[str] = []
        self.front.sites = {
            host: Site(pages),
            sites.OWN: Site(pages if host == sites.OWN else {}, self.servers[server], weakened),
            sites.STRANGER: Site(pages if host == sites.STRANGER else attacks(), collected=collected),
        }
        self.front.seen.clear()
        return collected

    @asynccontextmanager
    async def visitor(self) -> AsyncIterator[Visitor]:
        """Somebody new."""
        context = await self.browser.new_context()
        try:
            yield Visitor(await context.new_page())
        finally:
            await context.close()

    def preflights(self) -> int:
        """How many came to the server since this was last asked; what else came is forgotten as well."""
        seen = list(self.front.seen)
        self.front.seen.clear()
        return sum(1 for one in seen if one.method == "OPTIONS")

    async def email(self, scheme: str) -> str:
        """The email address of the example account, as the server has it.

        Raises:
            UnexpectedError: It does not let the account in.
        """
        url = f"http://127.0.0.1:{self.servers[scheme]}{contract.AUTHENTICATE}"
        async with self.client.post(url, json=contract.EXAMPLE._asdict()) as reply:
            if reply.status != 200:
                raise UnexpectedError(f"server {scheme}: a login was answered {reply.status}.")
            return str((await reply.json())["profile"]["email"])


@asynccontextmanager
async def stage(servers: Mapping[str, int], *, third_party_cookies: bool = True) -> AsyncIterator[Stage]:
    """All of it, gone afterwards.

    Args:
        servers: Port by name.
        third_party_cookies: Whether the browser lets other sites than the page's have cookies.

    Raises:
        chromium.NoBrowserError: There is no browser.
    """
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(front())
        browser = await stack.enter_async_context(
            chromium.launched(opened.arguments, third_party_cookies=third_party_cookies)
        )
        client = await stack.enter_async_context(ClientSession())
        yield Stage(opened, browser, servers, client)
