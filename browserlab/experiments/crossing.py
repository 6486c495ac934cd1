"""Calls of the API from its own origin, from its site and from other sites: success and preflights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from browserlab import sites
from browserlab.session import BrowserSession, open_session
from browserlab.unprotected import AS_IT_COMES, Weakened

TITLE: Final = "calls across origins: which work, and how many preflights they cost"
SCHEMES: Final = ("cookie", "token")
OPTIONS: Final = ()

#: Number of calls after a login.
READS: Final = 5
WRITES: Final = 2

#: Relation of the page's origin to the API's, and the page's host.
_ORIGINS: Final = {
    "own origin": sites.OWN,
    "own site, allowed": sites.SIBLING,
    "own site, not allowed": sites.UNNAMED_SIBLING,
    "another site, allowed": sites.PARTNER,
    "another site, not allowed": sites.STRANGER,
}
_COOKIES: Final = {
    "as it comes": AS_IT_COMES,
    "SameSite=None": Weakened(same_site="None"),
    "SameSite=None; Partitioned": Weakened(same_site="None", partitioned=True),
}


@dataclass(frozen=True)
class CrossingCase:
    """A combination of server, page and browser settings.

    Attributes:
        scheme: Scheme of the server.
        origin: Relation of the page's origin to the API's.
        cookie: Attributes of the cookie.
        third_party_cookies: Whether the browser allows third-party cookies.
        preflights_remembered: Whether the browser may cache preflights for the time that the server sets.
    """

    scheme: str
    origin: str
    cookie: Literal["as it comes", "SameSite=None", "SameSite=None; Partitioned"] = "as it comes"
    third_party_cookies: bool = True
    preflights_remembered: bool = True


@dataclass(frozen=True)
class CrossingRow(CrossingCase):
    """Result of a case.

    Attributes:
        works: Whether the page could log in, and every call was answered with 200.
        reads: Number of the `READS` answered with 200.
        writes: Number of the `WRITES` answered with 200.
        login_preflights: Preflights at the server for the login.
        read_preflights: Preflights at the server for the reads.
        write_preflights: Preflights at the server for the writes.
    """

    works: bool = False
    reads: int = 0
    writes: int = 0
    login_preflights: int = 0
    read_preflights: int = 0
    write_preflights: int = 0


def cases(third_party_cookies: bool) -> Iterator[CrossingCase]:
    """Yield the cases for a browser that allows third-party cookies, or blocks them."""
    if third_party_cookies:
        for scheme in SCHEMES:
            yield from (CrossingCase(scheme, origin) for origin in _ORIGINS)
            yield CrossingCase(scheme, "own site, allowed", preflights_remembered=False)
    else:
        yield CrossingCase("token", "another site, allowed", third_party_cookies=False)
    for cookie in ("SameSite=None", "SameSite=None; Partitioned"):
        yield CrossingCase("cookie", "another site, allowed", cookie, third_party_cookies)


async def run(servers: Mapping[str, int]) -> tuple[str, Sequence[CrossingRow]]:
    """Run the experiment; return the browser's version, and a row per case."""
    rows = []
    for third_party_cookies in (True, False):
        async with open_session(servers, third_party_cookies=third_party_cookies) as session:
            version = session.browser.version
            rows += [await _run_case(session, case) for case in cases(third_party_cookies)]
    return version, rows


async def _run_case(session: BrowserSession, case: CrossingCase) -> CrossingRow:
    weakened = _COOKIES[case.cookie]
    if not case.preflights_remembered:
        weakened = replace(weakened, preflight_max_age_s=0)
    host = _ORIGINS[case.origin]
    session.configure(case.scheme, host=host, weakened=weakened)
    async with session.visitor() as visitor:
        await visitor.open(host)
        session.preflights()
        logged_in = await visitor.log_in()
        login_preflights = session.preflights()
        reads = [await visitor.read() for _ in range(READS)]
        read_preflights = session.preflights()
        writes = [await visitor.write(f"number-{number}@example.com") for number in range(WRITES)]
        write_preflights = session.preflights()
    return CrossingRow(
        **vars(case),
        works=logged_in and reads + writes == [200] * (READS + WRITES),
        reads=reads.count(200),
        writes=writes.count(200),
        login_preflights=login_preflights,
        read_preflights=read_preflights,
        write_preflights=write_preflights,
    )
