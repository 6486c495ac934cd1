"""Writes that another site's page makes a logged-in visitor's browser send: which the server carries out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, product
from typing import Final, Literal

from browserlab import sites
from browserlab.session import TRANSPORTS, UnexpectedError, Visitor, stage
from browserlab.unprotected.weakened import AS_IT_COMES, SameSite, Weakened
from servers import contract

TITLE: Final = "writes forged by another site's page: which the server carries out"
SCHEMES: Final = ("cookie", "token", "token-cookie")
OPTIONS: Final = ()

Attack = Literal["form", "fetch", "image", "link"]
ATTACKS: Final[tuple[Attack, ...]] = ("form", "fetch", "image", "link")
#: Those that leave the attacker's page.
_NAVIGATIONS: Final = ("form", "link")
SAME_SITE: Final[tuple[SameSite, ...]] = ("Strict", "Lax", "unsaid", "None")


@dataclass(frozen=True)
class ForgeryCase:
    """What is attacked.

    Attributes:
        scheme: Of the server.
        as_it_comes: Whether the server has all its protections. Otherwise it takes forms for JSON and carries
            out a write by GET, so that the rest of the case is all that protects it.
        same_site: Of its cookie; empty where there is none.
        proof: Whether a write has to prove that a page sent it which could read the answer to the login.
    """

    scheme: str
    as_it_comes: bool
    same_site: SameSite | Literal[""]
    proof: bool


@dataclass(frozen=True)
class ForgeryRow(ForgeryCase):
    """What came of it.

    Attributes:
        attack: By what the page sends it.
        carried_out: Whether the server's account has changed.
    """

    attack: Attack
    carried_out: bool


def cases() -> Iterator[ForgeryCase]:
    """Everything that is tried; without `SameSite` and proof the attacks have to succeed."""
    for scheme in SCHEMES:
        if TRANSPORTS[scheme] == "bearer":
            yield from (ForgeryCase(scheme, as_it_comes, "", proof=False) for as_it_comes in (True, False))
            continue
        yield ForgeryCase(scheme, True, "Lax", proof=True)
        for same_site, proof in product(SAME_SITE, (True, False)):
            yield ForgeryCase(scheme, False, same_site, proof)


async def run(servers: Mapping[str, int]) -> tuple[str, Sequence[ForgeryRow]]:
    """The browser's version, and a row for each attack on each case."""
    numbers = count()
    rows: list[ForgeryRow] = []
    async with stage(servers) as here:
        for case in cases():
            weakened = AS_IT_COMES
            if not case.as_it_comes:
                same_site = case.same_site or None
                weakened = Weakened(same_site=same_site, proof=case.proof, json_only=False, safe_gets=False)
            here.lay_out(case.scheme, store="local", weakened=weakened)
            async with here.visitor() as visitor:
                await _log_in(visitor)
                for attack in ATTACKS:
                    email = f"forged-{next(numbers)}@{sites.STRANGER}"
                    await _attack(visitor, attack, email)
                    carried_out = await here.email(case.scheme) == email
                    rows.append(ForgeryRow(**vars(case), attack=attack, carried_out=carried_out))
                await _still_in(visitor)
        return here.browser.version, rows


async def _log_in(visitor: Visitor) -> None:
    await visitor.open(sites.OWN)
    if not await visitor.log_in():
        raise UnexpectedError("the visitor who is to be attacked could not log in.")


async def _still_in(visitor: Visitor) -> None:
    """An attack on somebody who is not logged in says nothing."""
    await visitor.open(sites.OWN)
    if await visitor.read() != 200:
        raise UnexpectedError("the visitor who was attacked was not logged in.")


async def _attack(visitor: Visitor, attack: Attack, email: str) -> None:
    await visitor.open(sites.STRANGER, "/forge.html")
    script = f"([url, email]) => forge.{attack}(url, email)"
    target = [f"{sites.origin(sites.OWN)}{contract.EMAIL}", email]
    if attack in _NAVIGATIONS:
        async with visitor.page.expect_navigation():
            await visitor.page.evaluate(script, target)
    else:
        await visitor.page.evaluate(script, target)
