"""Click-to-response latency: from the click until the response has arrived, is in the page, and is drawn."""

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
from browserlab.session import AGAIN, BrowserSession, UnexpectedError, Visitor, open_session
from browserlab.unprotected import AS_IT_COMES, Weakened
from servers import contract

TITLE: Final = (
    "latency from click to response, with cookie and token in turn, in the same origin and across origins"
)
#: The second cookie server shows the difference between two servers of one scheme.
SCHEMES: Final = ("cookie", "token", f"cookie{AGAIN}")
OPTIONS: Final = ("rounds", "seed")

#: Warm-up rounds for connections, caches and compilers, which are discarded.
_WARM_UP: Final = 3
#: Responses by the proxy from memory instead of a server, to measure the cost of everything else.
STATIC: Final = "static"
_ANSWER: Final = Page(b'{"name":"John","id":"123"}', "application/json", {"Cache-Control": "no-store"})
#: Time limit of a response in seconds.
_TIMEOUT_S: Final = 30

_ORIGINS: Final = {"own origin": sites.OWN, "another origin": sites.SIBLING}

# Resource Timing has the arrival of the last byte, even if the page gets the response later.
# `requestAnimationFrame` runs before the frame with the change is drawn; the next callback runs after that.
_WATCH: Final = """() => {
  const answer = document.getElementById("answer");
  let clicked = 0;
  const note = (event) => { clicked = event.timeStamp; };
  document.getElementById("call").addEventListener("click", note, { capture: true, once: true });
  const received = new Promise((done) => {
    const observer = new PerformanceObserver((list) => {
      const call = list.getEntries().find((entry) => entry.initiatorType === "fetch");
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
    """Page and server of a click.

    Attributes:
        server: Server of the response: one of `SCHEMES`, or `STATIC`.
        origin: Relation of the page's origin to the API's.
        preflights: Whether the browser may cache preflights; `none` if no request needs any.
    """

    server: str
    origin: Literal["own origin", "another origin"]
    preflights: Literal["none", "remembered", "each time"]


@dataclass(frozen=True)
class ClickRow(WaitCase):
    """Result of a click.

    Attributes:
        round: Number of the round, in which there is a click in every case.
        preflights_seen: Preflights at the server for the click.
        received_ms: Time from the click to the arrival of the response's last byte.
        answered_ms: Time from the click to the response in the page's document.
        rendered_ms: Time from the click until a frame with the response was drawn.
    """

    round: int
    preflights_seen: int
    received_ms: float
    answered_ms: float
    rendered_ms: float


def cases() -> list[WaitCase]:
    """Return all cases."""
    return [
        *(WaitCase(server, "own origin", "none") for server in (*SCHEMES, STATIC)),
        *(WaitCase(server, "another origin", "remembered") for server in ("cookie", "token")),
        *(WaitCase(server, "another origin", "each time") for server in ("cookie", "token")),
    ]


async def run(servers: Mapping[str, int], *, rounds: int, seed: int) -> tuple[str, Sequence[ClickRow]]:
    """Run the experiment; return the browser's version, and a row per click.

    There is a click in each case per round, in an order drawn with the seed. All clicks share servers and
    browser contexts, so they are not evidence for others: `bench.py study browser` repeats the experiment on
    fresh ones.
    """
    order = random.Random(seed)  # noqa: S311 - a plan, no secret
    rows = []
    async with open_session(servers) as session, AsyncExitStack() as stack:
        prepared = {case: await stack.enter_async_context(_prepare(session, case)) for case in cases()}
        for number in range(-_WARM_UP, rounds):
            for case in order.sample(list(prepared), len(prepared)):
                row = await _click(session, case, *prepared[case], number)
                if number >= 0:
                    rows.append(row)
        return session.browser.version, rows


@asynccontextmanager
async def _prepare(session: BrowserSession, case: WaitCase) -> AsyncIterator[tuple[Visitor, dict[str, Site]]]:
    """Yield a logged-in visitor, and the sites that respond."""
    host = _ORIGINS[case.origin]
    weakened = Weakened(preflight_max_age_s=0) if case.preflights == "each time" else AS_IT_COMES
    session.configure("cookie" if case.server == STATIC else case.server, host=host, weakened=weakened)
    async with session.visitor() as visitor:
        await visitor.enter(host, f"the user at {host} could not log in at {case.server}.")
        served = dict(session.proxy.sites)
        if case.server == STATIC:
            site = served[sites.OWN]
            served[sites.OWN] = replace(site, pages={**site.pages, contract.RESTRICTED: _ANSWER})
        yield visitor, served


async def _click(
    session: BrowserSession, case: WaitCase, visitor: Visitor, served: dict[str, Site], number: int
) -> ClickRow:
    page = visitor.page
    session.proxy.sites = served
    await page.bring_to_front()
    await page.evaluate(_WATCH)
    session.preflights()
    await page.click("#call")
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            received_ms, answered_ms, rendered_ms = await page.evaluate("globalThis.waited")
    except TimeoutError:
        raise UnexpectedError(f"there was no response to a click within {_TIMEOUT_S} s.") from None
    return ClickRow(
        **vars(case),
        round=number,
        preflights_seen=session.preflights(),
        received_ms=received_ms,
        answered_ms=answered_ms,
        rendered_ms=rendered_ms,
    )
