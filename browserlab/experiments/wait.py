"""What a user waits for: from the click to the answer, as it arrives, is in the page, and is drawn."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, Literal

from browserlab import sites
from browserlab.pages import Page
from browserlab.proxy import Site
from browserlab.session import AGAIN, Stage, UnexpectedError, Visitor, stage
from browserlab.unprotected.weakened import AS_IT_COMES, Weakened
from servers import contract

TITLE: Final = (
    "what a user waits for, from click to answer, in turn by cookie and token, near and across origins"
)
#: The second server by cookie shows what two servers of one scheme differ by.
SCHEMES: Final = ("cookie", "token", f"cookie{AGAIN}")
OPTIONS: Final = ("rounds", "seed")

#: Rounds that are made first and not told: connections, caches and compilers get warm.
_WARM_UP: Final = 3
#: In the place of a server: the front itself, with an answer from memory. What the rest costs.
STATIC: Final = "static"
_ANSWER: Final = Page(b'{"name":"John","id":"123"}', "application/json", {"Cache-Control": "no-store"})
#: Seconds after which an answer is taken to never come.
_PATIENCE_S: Final = 30

_ORIGINS: Final = {"own origin": sites.OWN, "another origin": sites.SIBLING}

# Resource Timing has when the last byte arrived, however long the page is kept from it then.
# `requestAnimationFrame` runs before the frame that shows the change is drawn; the next one after it was.
_WATCH: Final = """() => {
  const answer = document.getElementById("answer");
  let clicked = 0;
  const note = (event) => { clicked = event.timeStamp; };
  document.getElementById("call").addEventListener("click", note, { capture: true, once: true });
  const received = new Promise((done) => {
    const observer = new PerformanceObserver((list) => {
      const call = list.getEntries().find((one) => one.initiatorType === "fetch");
      if (!call) return;
      observer.disconnect();
      done(call.responseEnd - clicked);
    });
    observer.observe({ type: "resource" });
  });
  const shown = new Promise((done) => {
    const observer = new MutationObserver(() => {
      if (answer.value === "") return;
      observer.disconnect();
      const answered = performance.now();
      requestAnimationFrame(() => requestAnimationFrame(() => {
        done([answered - clicked, performance.now() - clicked]);
      }));
    });
    observer.observe(answer, { childList: true, characterData: true, subtree: true });
  });
  globalThis.waited = Promise.all([received, shown]).then((parts) => parts.flat());
}"""


@dataclass(frozen=True)
class WaitCase:
    """Where the page is and what it calls.

    Attributes:
        server: By what the call is answered: one of `SCHEMES`, or `STATIC`.
        origin: How the page's stands to the API's.
        preflights: Whether the browser may remember one; `none` where no request needs any.
    """

    server: str
    origin: Literal["own origin", "another origin"]
    preflights: Literal["none", "remembered", "each time"]


@dataclass(frozen=True)
class ClickRow(WaitCase):
    """One click.

    Attributes:
        round: In which every case was tried once.
        preflights_seen: That came to the server for it.
        received_ms: From the click to the arrival of the answer's last byte.
        answered_ms: From the click to the answer in the page's document.
        rendered_ms: From the click until a frame that shows it was drawn.
    """

    round: int
    preflights_seen: int
    received_ms: float
    answered_ms: float
    rendered_ms: float


@dataclass(frozen=True)
class _Seat:
    """Somebody logged in, and what answers them."""

    visitor: Visitor
    sites: Mapping[str, Site]


def cases() -> list[WaitCase]:
    """All of them."""
    return [
        *(WaitCase(server, "own origin", "none") for server in (*SCHEMES, STATIC)),
        *(WaitCase(server, "another origin", "remembered") for server in ("cookie", "token")),
        *(WaitCase(server, "another origin", "each time") for server in ("cookie", "token")),
    ]


async def run(servers: Mapping[str, int], *, rounds: int, seed: int) -> tuple[str, Sequence[ClickRow]]:
    """The browser's version, and a row a click: each case once a round, in an order drawn by the seed.

    All clicks share servers and browser contexts: they tell what these took, and are no evidence on others.
    For that it is made again, on fresh ones (`bench.py study browser`).
    """
    order = random.Random(seed)  # noqa: S311 - a plan, no secret
    rows = []
    async with stage(servers) as here, AsyncExitStack() as stack:
        seats = {case: await stack.enter_async_context(_seat(here, case)) for case in cases()}
        for number in range(-_WARM_UP, rounds):
            for case in order.sample(list(seats), len(seats)):
                row = await _click(here, case, seats[case], number)
                if number >= 0:
                    rows.append(row)
        return here.browser.version, rows


@asynccontextmanager
async def _seat(here: Stage, case: WaitCase) -> AsyncIterator[_Seat]:
    host = _ORIGINS[case.origin]
    weakened = Weakened(preflight_max_age_s=0) if case.preflights == "each time" else AS_IT_COMES
    here.lay_out("cookie" if case.server == STATIC else case.server, host=host, weakened=weakened)
    async with here.visitor() as visitor:
        await visitor.open(host)
        if not await visitor.log_in():
            raise UnexpectedError(f"the user at {host} could not log in at {case.server}.")
        served = dict(here.front.sites)
        if case.server == STATIC:
            own = served[sites.OWN]
            served[sites.OWN] = replace(own, pages={**own.pages, contract.RESTRICTED: _ANSWER})
        yield _Seat(visitor, served)


async def _click(here: Stage, case: WaitCase, seat: _Seat, number: int) -> ClickRow:
    page = seat.visitor.page
    here.front.sites = dict(seat.sites)
    await page.bring_to_front()
    await page.evaluate(_WATCH)
    here.preflights()
    await page.click("#call")
    try:
        async with asyncio.timeout(_PATIENCE_S):
            received_ms, answered_ms, rendered_ms = await page.evaluate("globalThis.waited")
    except TimeoutError:
        raise UnexpectedError(f"a click was not answered within {_PATIENCE_S} s.") from None
    return ClickRow(
        **vars(case),
        round=number,
        preflights_seen=here.preflights(),
        received_ms=received_ms,
        answered_ms=answered_ms,
        rendered_ms=rendered_ms,
    )
