"""Calls of the API from its own origin, from its site and from others: which work, and their preflights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from browserlab import sites
from browserlab.session import Stage, stage
from browserlab.unprotected.weakened import AS_IT_COMES, Weakened

TITLE: Final = "calls across origins: which work, and how many preflights they cost"
SCHEMES: Final = ("cookie", "token")
OPTIONS: Final = ()

#: Calls after a login.
READS: Final = 5
WRITES: Final = 2

#: How the page's origin stands to the API's, and its host.
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
    """What is tried.

    Attributes:
        scheme: Of the server.
        origin: How the page's stands to the API's.
        cookie: Its attributes.
        third_party_cookies: Whether the browser allows them.
        preflights_remembered: Whether the browser may remember a preflight, as long as the server says.
    """

    scheme: str
    origin: str
    cookie: Literal["as it comes", "SameSite=None", "SameSite=None; Partitioned"] = "as it comes"
    third_party_cookies: bool = True
    preflights_remembered: bool = True


@dataclass(frozen=True)
class CrossingRow(CrossingCase):
    """What came of it.

    Attributes:
        works: Whether the page could log in, and every call was answered 200.
        reads: How many of `READS` were answered 200.
        writes: How many of `WRITES` were.
        login_preflights: That came to the server for the login.
        read_preflights: For the reads.
        write_preflights: For the writes.
    """

    works: bool = False
    reads: int = 0
    writes: int = 0
    login_preflights: int = 0
    read_preflights: int = 0
    write_preflights: int = 0


def cases(third_party_cookies: bool) -> Iterator[CrossingCase]:
    """What is tried in a browser that allows cookies of third parties, or does not."""
    if third_party_cookies:
        for scheme in SCHEMES:
            yield from (CrossingCase(scheme, origin) for origin in _ORIGINS)
            yield CrossingCase(scheme, "own site, allowed", preflights_remembered=False)
    else:
        yield CrossingCase("token", "another site, allowed", third_party_cookies=False)
    for cookie in ("SameSite=None", "SameSite=None; Partitioned"):
        yield CrossingCase("cookie", "another site, allowed", cookie, third_party_cookies)


async def run(servers: Mapping[str, int]) -> tuple[str, Sequence[CrossingRow]]:
    """The browser's version, and a row a case."""
    rows = []
    for third_party_cookies in (True, False):
        async with stage(servers, third_party_cookies=third_party_cookies) as here:
            version = here.browser.version
            rows += [await _tried(here, case) for case in cases(third_party_cookies)]
    return version, rows


async def _tried(here: Stage, case: CrossingCase) -> CrossingRow:
    weakened = _COOKIES[case.cookie]
    if not case.preflights_remembered:
        weakened = replace(weakened, preflight_max_age_s=0)
    host = _ORIGINS[case.origin]
    here.lay_out(case.scheme, host=host, weakened=weakened)
    async with here.visitor() as visitor:
        await visitor.open(host)
        here.preflights()
        logged_in = await visitor.log_in()
        login_preflights = here.preflights()
        reads = [await visitor.read() for _ in range(READS)]
        read_preflights = here.preflights()
        writes = [await visitor.write(f"number-{number}@example.com") for number in range(WRITES)]
        write_preflights = here.preflights()
    return CrossingRow(
        **vars(case),
        works=logged_in and reads + writes == [200] * (READS + WRITES),
        reads=reads.count(200),
        writes=writes.count(200),
        login_preflights=login_preflights,
        read_preflights=read_preflights,
        write_preflights=write_preflights,
    )
