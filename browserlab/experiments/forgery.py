"""Writes forged by another site's page in a logged-in visitor's browser: which the server carries out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, product
from typing import Final, Literal

from browserlab import sites
from browserlab.session import TRANSPORTS, UnexpectedError, Visitor, open_session
from browserlab.unprotected import AS_IT_COMES, SameSite, Weakened
from servers import contract

TITLE: Final = "writes forged by another site's page: which the server carries out"
SCHEMES: Final = ("cookie", "token", "token-cookie")
OPTIONS: Final = ()

Attack = Literal["form", "fetch", "image", "link"]
ATTACKS: Final[tuple[Attack, ...]] = ("form", "fetch", "image", "link")
#: Attacks that leave the attacker's page.
_NAVIGATIONS: Final = ("form", "link")
SAME_SITE: Final[tuple[SameSite, ...]] = ("Strict", "Lax", "unsaid", "None")


@dataclass(frozen=True)
class ForgeryCase:
    """A server under attack and its protections.

    Attributes:
        scheme: Scheme of the server.
        as_it_comes: Whether the server has all its protections. Otherwise it accepts forms as JSON and writes
            on GET, so that only the other protections of the case remain.
        same_site: SameSite of the cookie; empty without a cookie.
        proof: Whether a write needs the CSRF token.
    """

    scheme: str
    as_it_comes: bool
    same_site: SameSite | Literal[""]
    proof: bool


@dataclass(frozen=True)
class ForgeryRow(ForgeryCase):
    """Result of an attack.

    Attributes:
        attack: Kind of request that the page sends.
        carried_out: Whether the account on the server has changed.
    """

    attack: Attack
    carried_out: bool


def cases() -> Iterator[ForgeryCase]:
    """Yield all cases; with `SameSite=None` and without the CSRF token the attacks must succeed."""
    for scheme in SCHEMES:
        if TRANSPORTS[scheme] == "bearer":
            yield from (ForgeryCase(scheme, as_it_comes, "", proof=False) for as_it_comes in (True, False))
            continue
        yield ForgeryCase(scheme, True, "Lax", proof=True)
        for same_site, proof in product(SAME_SITE, (True, False)):
            yield ForgeryCase(scheme, False, same_site, proof)


async def run(servers: Mapping[str, int]) -> tuple[str, Sequence[ForgeryRow]]:
    """Run the experiment; return the browser's version, and a row for each attack on each case."""
    numbers = count()
    rows: list[ForgeryRow] = []
    async with open_session(servers) as session:
        for case in cases():
            weakened = AS_IT_COMES
            if not case.as_it_comes:
                same_site = case.same_site or None
                weakened = Weakened(same_site=same_site, proof=case.proof, json_only=False, safe_gets=False)
            session.configure(case.scheme, store="local", weakened=weakened)
            async with session.visitor() as visitor:
                await visitor.enter(sites.OWN, "the visitor could not log in before the attacks.")
                for attack in ATTACKS:
                    email = f"forged-{next(numbers)}@{sites.STRANGER}"
                    await _attack(visitor, attack, email)
                    carried_out = await session.email(case.scheme) == email
                    rows.append(ForgeryRow(**vars(case), attack=attack, carried_out=carried_out))
                await visitor.open(sites.OWN)
                if await visitor.read() != 200:  # attacks on others prove nothing
                    raise UnexpectedError("the visitor was not logged in during the attacks.")
        return session.browser.version, rows


async def _attack(visitor: Visitor, attack: Attack, email: str) -> None:
    await visitor.open(sites.STRANGER, "/forge.html")
    script = f"([url, email]) => forge.{attack}(url, email)"
    target = [f"{sites.origin(sites.OWN)}{contract.EMAIL}", email]
    if attack in _NAVIGATIONS:
        async with visitor.page.expect_navigation():
            await visitor.page.evaluate(script, target)
    else:
        await visitor.page.evaluate(script, target)
