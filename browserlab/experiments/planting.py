"""Cookies planted by a sibling host in a logged-in visitor's browser: which user the server identifies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal

from browserlab import sites
from browserlab.pages import Page
from browserlab.proxy import Site
from browserlab.session import BrowserSession, UnexpectedError, open_session
from servers import contract

TITLE: Final = "cookies planted by a sibling host: which user the server identifies"
SCHEMES: Final = ("cookie", "token-cookie", "cookie-client", "cookie-stock")
OPTIONS: Final = ()

Way = Literal["script", "Set-Cookie"]
Identified = Literal["visitor", "attacker", "none"]
WAYS: Final[tuple[Way, ...]] = ("script", "Set-Cookie")
#: Text before the name of the session's cookie, which makes it part of another name or value to browsers.
PREFIXES: Final[Mapping[str, str]] = {
    "none": "",
    "U+2000": "\u2000",
    "U+00A0": "\u00a0",
    "U+0085": "\u0085",
    "space in a value": "x=1 ",
    "tab in a value": "x=1\t",
}
_PATH: Final = "/plant"


@dataclass(frozen=True)
class PlantingRow:
    """Result of a planted cookie.

    Attributes:
        scheme: Scheme of the server.
        way: Way in which the sibling's page plants the cookie.
        prefix: Description of the text before the cookie's name.
        planted: Whether the browser has stored the cookie.
        identified: User that the server then identified.
    """

    scheme: str
    way: Way
    prefix: str
    planted: bool
    identified: Identified


async def run(servers: Mapping[str, int]) -> tuple[str, Sequence[PlantingRow]]:
    """Run the experiment; return the browser's version, and a row for each planted cookie."""
    async with open_session(servers) as session:
        rows = [
            await _plant(session, scheme, way, prefix)
            for scheme, way, prefix in product(SCHEMES, WAYS, PREFIXES)
        ]
        return session.browser.version, rows


async def _plant(session: BrowserSession, scheme: str, way: Way, prefix: str) -> PlantingRow:
    session.configure(scheme)
    attackers_id, pair = await _attacker(session, scheme)
    line = f"{PREFIXES[prefix]}{pair}; Domain={sites.OWN}; Path=/; Secure"
    headers = {"Set-Cookie": line} if way == "Set-Cookie" else {}
    page = Page(b"<!doctype html><title>A sibling</title>", "text/html; charset=utf-8", headers)
    session.proxy.sites[sites.UNNAMED_SIBLING] = Site({_PATH: page})
    async with session.visitor() as visitor:
        await visitor.enter(sites.OWN, "the visitor could not log in before the attack.")
        own_id = await visitor.account_id()
        await visitor.open(sites.UNNAMED_SIBLING, _PATH)
        if way == "script":
            await visitor.page.evaluate("line => { document.cookie = line; }", line)
        cookies = await visitor.page.context.cookies()
        await visitor.open(sites.OWN)
        account_id = await visitor.account_id()
    identified: Identified = "none"
    if account_id in (own_id, attackers_id):
        identified = "visitor" if account_id == own_id else "attacker"
    return PlantingRow(
        scheme,
        way,
        prefix,
        planted=any(cookie["domain"] == f".{sites.OWN}" for cookie in cookies),
        identified=identified,
    )


async def _attacker(session: BrowserSession, scheme: str) -> tuple[str, str]:
    """Log in as another user without a browser; return the account's id, and the cookie as NAME=VALUE."""
    server = f"http://127.0.0.1:{session.servers[scheme]}"
    json = contract.EXAMPLE_ADMIN._asdict()
    async with session.client.post(f"{server}{contract.AUTHENTICATE}", json=json) as reply:
        pair = reply.headers.get("Set-Cookie", "").partition(";")[0]
    async with session.client.get(f"{server}{contract.RESTRICTED}", headers={"Cookie": pair}) as reply:
        if reply.status != 200:
            raise UnexpectedError(f"server {scheme}: the attacker could not log in.")
        return str((await reply.json())["id"]), pair
