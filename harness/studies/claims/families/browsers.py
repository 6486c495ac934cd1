"""What a real browser settles: calls across origins, forged writes, scripts in the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from harness.results.claims import ClaimFigure, Outcome
from harness.studies.browser.driver import Crossing, Forgery, Injection
from harness.studies.claims.claim import Claim, decided
from harness.studies.claims.in_browser import seen

_NAMES: Final = {"cookie": "session cookie", "token-cookie": "JWT in a cookie", "token": "bearer"}

_OWN: Final = "own origin"
_SIBLING: Final = "own site, allowed"
_PARTNER: Final = "another site, allowed"
_AS_IT_COMES: Final = "as it comes"

_WEB_STORAGE: Final = {"localStorage", "sessionStorage"}
_CONTROL: Final = "readable cookie (session)"


def crossing(rows: Sequence[Crossing]) -> Outcome:
    """From another site that the server allows: which calls work, by bearer and by cookie."""
    figures = _crossing_figures(rows)
    usual = [row for row in rows if row.third_party_cookies and row.preflights_remembered]
    as_it_comes = {(row.scheme, row.origin): row for row in usual if row.cookie == _AS_IT_COMES}
    own = [row for row in usual if row.origin == _OWN]
    if not all(row.works for row in own):
        return _uncertain("not even the pages of the API's own origin could call it", figures)
    strangers = sum(row.works for row in usual if row.origin.endswith("not allowed"))
    token, cookie = (as_it_comes[scheme, _SIBLING] for scheme in ("token", "cookie"))
    said = (
        "from another site that the server allows, calls work"
        f" {_by(as_it_comes['token', _PARTNER].works, as_it_comes['cookie', _PARTNER].works)};"
        f" a cookie works there {_remedies(rows)}; from origins that it does not allow"
        f" {'neither works' if not strangers else 'some work'}; after a login, {token.reads} reads and"
        f" {token.writes} writes from another origin cost {token.preflights} preflights by bearer,"
        f" {cookie.preflights} by cookie; where none is remembered, {_unremembered(rows)}"
    )
    holds = as_it_comes["token", _PARTNER].works and not as_it_comes["cookie", _PARTNER].works
    return decided(holds, said, figures, otherwise=said)


def forgery(rows: Sequence[Forgery]) -> Outcome:
    """Which forged writes the server carries out, by what protects it."""
    figures = [
        ClaimFigure(
            name=f"{_case(row)}: forgeries carried out",
            value=sum(one.carried_out for one in alike),
            unit=f"of {len(alike)}",
        )
        for alike in _alike(rows)
        for row in alike[:1]
    ]
    cookies = [row for row in rows if row.same_site and not row.as_it_comes]
    bare = [row for row in cookies if row.same_site == "None" and not row.proof]
    if not bare or not all(row.carried_out for row in bare):
        return _uncertain("not every forgery works on a cookie that nothing protects", figures)
    through = [row.attack for row in rows if row.scheme == "token" and row.carried_out]
    alone = [
        f"SameSite={kind} alone {_through(row for row in cookies if row.same_site == kind and not row.proof)}"
        for kind in ("Strict", "Lax")
    ]
    unsaid = _through(row for row in cookies if row.same_site == "unsaid" and not row.proof)
    proof = _through(row for row in cookies if row.proof)
    said = (
        f"of {len({row.attack for row in rows})} forgeries that all work on a cookie with SameSite=None"
        f" and no proof, be it a session or a JWT, bearer lets through {_listed(through)}; the proof alone"
        f" lets through {proof}, {', '.join(alone)}, a cookie that does not say it {unsaid}"
    )
    return decided(not through, said, figures, otherwise=said)


def injection(rows: Sequence[Injection]) -> Outcome:
    """What a script in the page carries off and does, by where the credential is kept."""
    figures = [
        ClaimFigure(name=f"{row.kept}, {'with' if row.policy else 'without'} policy: {what}", value=value)
        for row in rows
        for what, value in (("steals", row.stolen), ("acts", row.acted))
    ]
    bare = [row for row in rows if not row.policy]
    stolen = {row.kept for row in bare if row.stolen}
    if _CONTROL not in stolen or not all(row.ran for row in bare):
        return _uncertain("the script did not even carry off a cookie that scripts can read", figures)
    hidden = {row.kept for row in bare if row.kept.startswith("HttpOnly")}
    at_once = {row.kept for row in bare if row.in_reach and row.stolen} - {_CONTROL}
    when_sent = stolen - at_once - {_CONTROL}
    acted = f"{sum(row.acted for row in bare)} of {len(bare)} cases"
    policed = [row for row in rows if row.policy]
    said = (
        f"a script in the page carries off what is kept in {_listed(at_once)} at once, what is kept in"
        f" {_listed(when_sent)} when the page sends it, what is kept in {_listed(hidden - stolen)} never;"
        f" while the page is open it acts as the user in {acted};"
        f" under the page's Content-Security-Policy it ran {sum(row.ran for row in policed)} of"
        f" {len(policed)} times"
    )
    return decided(stolen >= _WEB_STORAGE and not hidden & stolen, said, figures, otherwise=said)


def _uncertain(why: str, figures: list[ClaimFigure]) -> Outcome:
    """An attack that fails says nothing unless it was seen to succeed where nothing is in its way."""
    return Outcome(verdict="inconclusive", because=why, figures=figures)


def _crossing_figures(rows: Sequence[Crossing]) -> list[ClaimFigure]:
    figures = []
    asked = max(row.reads + row.writes for row in rows)
    for row in rows:
        where = [_NAMES[row.scheme], row.origin]
        where += [row.cookie] if row.cookie != _AS_IT_COMES else []
        where += [] if row.third_party_cookies else ["no third-party cookies"]
        where += [] if row.preflights_remembered else ["no preflight remembered"]
        name = ", ".join(where)
        figures.append(
            ClaimFigure(name=f"{name}: calls answered", value=row.reads + row.writes, unit=f"of {asked}")
        )
        if row.works:
            figures.append(ClaimFigure(name=f"{name}: preflights", value=row.preflights))
    return figures


def _by(bearer: bool, cookie: bool) -> str:
    ways = [name for name, works in (("by bearer", bearer), ("by cookie", cookie)) if works]
    refused = [name for name, works in (("by bearer", bearer), ("by cookie", cookie)) if not works]
    return (
        f"{' and '.join(ways) or 'by nothing'}{f', not {refused[0]} as it comes' if ways and refused else ''}"
    )


def _remedies(rows: Sequence[Crossing]) -> str:
    """By which attributes a cookie works from another site, and whether in every browser."""
    tried = [row for row in rows if row.origin == _PARTNER and row.cookie != _AS_IT_COMES]
    always, sometimes = [], []
    for cookie in dict.fromkeys(row.cookie for row in tried):
        works = [row.works for row in tried if row.cookie == cookie]
        if all(works):
            always.append(cookie)
        elif any(works):
            sometimes.append(f"with {cookie} unless the browser refuses cookies of third parties")
    ways = [*sometimes, *(f"with {cookie} in any case" for cookie in always)]
    return ", ".join(ways) or "in no way that was tried"


def _unremembered(rows: Sequence[Crossing]) -> str:
    each = {row.scheme: row.preflights for row in rows if not row.preflights_remembered}
    return f"{each['token']} and {each['cookie']}"


def _alike(rows: Sequence[Forgery]) -> Iterable[list[Forgery]]:
    """The attacks on each case."""
    cases: dict[str, list[Forgery]] = {}
    for row in rows:
        cases.setdefault(_case(row), []).append(row)
    return cases.values()


def _case(row: Forgery) -> str:
    if row.as_it_comes:
        return f"{_NAMES[row.scheme]}, server as it comes"
    if not row.same_site:
        return f"{_NAMES[row.scheme]}, nothing else"
    return f"{_NAMES[row.scheme]}, SameSite {row.same_site}, {'proof' if row.proof else 'no proof'}"


def _through(rows: Iterable[Forgery]) -> str:
    return _listed(row.attack for row in rows if row.carried_out)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))) or "none"


CLAIMS: Final = (
    Claim(
        3,
        "cookies and CORS don't play well; tokens work to any server on any domain",
        "article",
        "demonstrated",
        "a page in a real Chromium logs in, reads and writes by bearer and by cookie, from the API's own"
        " origin, from its site and from another, allowed by the server or not; preflights are counted (what"
        " they cost in time `bench.py study browser` measures)",
        "supported when from another site that the server allows every call works by bearer and not by"
        " cookie as it comes, while both work from the API's own origin",
        seen("crossing", Crossing, crossing),
    ),
    Claim(
        6,
        "no need to protect against CSRF with tokens",
        "article",
        "demonstrated",
        "another site's page makes a real Chromium, whose user is logged in, send writes by form, fetch,"
        " image and link: each transport with and without SameSite and proof; the server's account tells",
        "supported when no forgery succeeds against bearer, while all do against a cookie that nothing"
        " protects",
        seen("forgery", Forgery, forgery),
    ),
    Claim(
        23,
        "web storage leaves you open to XSS",
        "Kolba",
        "demonstrated",
        "a script injected into a page in a real Chromium acts as the user, and carries off what it can, to"
        " be used from elsewhere: by where the credential is kept, with the page's policy and without",
        "supported when it can carry off what is in web storage, and not what is in an HttpOnly cookie,"
        " while it can a cookie without HttpOnly",
        seen("injection", Injection, injection),
    ),
)
