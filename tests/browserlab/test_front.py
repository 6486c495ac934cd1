"""The front and what a browser is told of it: names, certificate, what is passed on and counted."""

from __future__ import annotations

import pytest
from playwright.async_api import Error

from browserlab import chromium, sites
from browserlab.proxy import ProxiedRequest, open_proxy
from browserlab.session import BrowserSession
from servers import contract

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_only_this_certificate_is_taken(here: BrowserSession) -> None:
    """A browser that was told of one front's key refuses another's: errors are not ignored at large."""
    async with open_proxy() as other:
        arguments = [f"--host-resolver-rules=MAP *.test 127.0.0.1:{other.port}", here.proxy.arguments[1]]
        async with chromium.launched(arguments) as started:
            page = await started.new_page()
            with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
                await page.goto(sites.origin(sites.OWN))


async def test_no_other_name_is_found(here: BrowserSession) -> None:
    """Nothing that a page asks for leaves this machine."""
    async with here.visitor() as visitor:
        with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
            await visitor.page.goto("https://example.com")


async def test_names_are_told_apart(here: BrowserSession) -> None:
    """The client is at one, the attackers at another, nothing at a third."""
    here.configure("token", store="memory")
    async with here.visitor() as visitor:
        statuses = {
            host: (await answer.json() if answer.status == 200 else answer.status)
            for host in (sites.OWN, sites.STRANGER, sites.PARTNER)
            if (answer := await visitor.page.goto(f"{sites.origin(host)}/config.json"))
        }
    assert statuses == {
        sites.OWN: {"transport": "bearer", "store": "memory", "api": ""},
        sites.STRANGER: 404,
        sites.PARTNER: 404,
    }


async def test_what_comes_to_the_server_is_counted(here: BrowserSession) -> None:
    """Preflights among it; pages are not."""
    here.configure("token", host=sites.SIBLING, store="memory")
    async with here.visitor() as visitor:
        await visitor.open(sites.SIBLING)
        assert here.proxy.seen == []
        assert await visitor.log_in()
    assert here.proxy.seen == [
        ProxiedRequest("OPTIONS", contract.AUTHENTICATE, 200),
        ProxiedRequest("POST", contract.AUTHENTICATE, 200),
    ]
    assert here.preflights() == 1
    assert here.preflights() == 0


async def test_a_server_sees_what_the_browser_sent(here: BrowserSession) -> None:
    """Host, origin and cookies pass as they are: the server's own checks are what is tried."""
    here.configure("cookie")
    async with here.visitor() as visitor:
        await visitor.open(sites.OWN)
        assert await visitor.log_in()
        cookies = await visitor.page.context.cookies()
        assert [one["name"] for one in cookies] == ["__Host-cookie-session"]
        assert (cookies[0]["secure"], cookies[0]["httpOnly"], cookies[0]["sameSite"]) == (True, True, "Lax")
        assert await visitor.write("own@example.com") == 200
        assert await here.email("cookie") == "own@example.com"
