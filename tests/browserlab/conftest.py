"""Live servers behind the lab's names, and the lab itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from browserlab import sites
from browserlab.session import AGAIN, BrowserSession, open_session, scheme_of
from servers.embedded_store import embedded_store
from tests import browser
from tests.servers.process import Server

SERVERS = (
    *("cookie", "cookie-client", "cookie-stock"),
    *("token", "token-cookie", "token-refresh"),
    f"cookie{AGAIN}",
)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """The port of a server of each scheme that is tried in browsers."""
    browser.require()
    folder = tmp_path_factory.mktemp("logs")
    with embedded_store() as url:
        started = [
            Server(scheme_of(name), *sites.ARGUMENTS, log=folder / name, env={"REDIS_URL": url})
            for name in SERVERS
        ]
        yield {name: server.port for name, server in zip(SERVERS, started, strict=True)}
        for server in started:
            server.stop()
    assert [server.errors for server in started] == [""] * len(started)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def here(servers: dict[str, int]) -> AsyncIterator[BrowserSession]:
    """One stage on those servers, for tests whose loop is the session's."""
    async with open_session(servers) as opened:
        yield opened
