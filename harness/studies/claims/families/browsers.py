"""Claims tested in a real browser: calls across origins, forged writes, injected scripts.

That an attack fails counts only if it succeeds where nothing stops it; otherwise a claim is inconclusive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from harness.results.claims import ClaimFigure, Outcome
from harness.studies.browser.driver import Crossing, Forgery, Injection, browser_experiment
from harness.studies.claims.claim import Claim, decided, figure, inconclusive

_NAMES: Final = {"cookie": "session cookie", "token-cookie": "JWT in a cookie", "token": "bearer"}

_OWN_ORIGIN: Final = "own origin"
_SIBLING: Final = "own site, allowed"
_PARTNER: Final = "another site, allowed"
_UNCHANGED: Final = "as it comes"

_WEB_STORAGE: Final = {"localStorage", "sessionStorage"}
_CONTROL: Final = "readable cookie (session)"


def crossing(rows: Sequence[Crossing]) -> Outcome:
    """Return which calls work from another site that the server allows, with bearer tokens and cookies."""
    figures = _crossing_figures(rows)
    defaults = [row for row in rows if row.third_party_cookies and row.preflights_remembered]
    unchanged = {(row.scheme, row.origin): row for row in defaults if row.cookie == _UNCHANGED}
    if not all(row.works for row in defaults if row.origin == _OWN_ORIGIN):
        return inconclusive("calls failed even from the API's own origin", figures)
    strangers = sum(row.works for row in defaults if row.origin.endswith("not allowed"))
    token, cookie = (unchanged[scheme, _SIBLING] for scheme in ("token", "cookie"))
    uncached = {row.scheme: row.preflights for row in rows if not row.preflights_remembered}
    text = (
        "from another site that the server allows, calls work"
        f" {_transports(unchanged['token', _PARTNER].works, unchanged['cookie', _PARTNER].works)};"
        f" a cookie works there {_remedies(rows)}; from origins that the server does not allow,"
        f" {'neither works' if not strangers else 'some calls work'}; after a login, {token.reads} reads and"
        f" {token.writes} writes from another origin cost {token.preflights} preflights with a bearer token,"
        f" {cookie.preflights} with a cookie; without a preflight cache, {uncached['token']} and"
        f" {uncached['cookie']}"
    )
    holds = unchanged["token", _PARTNER].works and not unchanged["cookie", _PARTNER].works
    return decided(holds, text, figures, otherwise=text)


def forgery(rows: Sequence[Forgery]) -> Outcome:
    """Return which forged writes the server carries out, for each protection."""
    cases: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        cases[_case(row)].append(row.carried_out)
    figures = [
        figure(f"{case}: forgeries carried out", sum(carried_out), f"of {len(carried_out)}")
        for case, carried_out in cases.items()
    ]
    cookies = [row for row in rows if row.same_site and not row.as_it_comes]
    unprotected = [row.carried_out for row in cookies if row.same_site == "None" and not row.proof]
    if not unprotected or not all(unprotected):
        return inconclusive("not every forgery succeeds against an unprotected cookie", figures)
    on_bearer = [row.attack for row in rows if row.scheme == "token" and row.carried_out]
    with_proof = _successful(row for row in cookies if row.proof)
    strict, lax, unset = (
        _successful(row for row in cookies if row.same_site == kind and not row.proof)
        for kind in ("Strict", "Lax", "unsaid")
    )
    text = (
        f"{len({row.attack for row in rows})} forgeries all succeed against a cookie with SameSite=None and"
        " no CSRF token, whether it holds a session or a JWT; those that succeed with a bearer token:"
        f" {_listed(on_bearer)}; with the CSRF token alone: {with_proof}; with SameSite=Strict alone:"
        f" {strict}; with SameSite=Lax alone: {lax}; with a cookie without SameSite: {unset}"
    )
    return decided(not on_bearer, text, figures, otherwise=text)


def injection(rows: Sequence[Injection]) -> Outcome:
    """Return what a script in the page steals and does, for each place where the credential is kept."""
    figures = [
        figure(f"{row.kept}, {'with' if row.policy else 'without'} policy: {what}", value)
        for row in rows
        for what, value in (("steals", row.stolen), ("acts", row.acted))
    ]
    without_policy = [row for row in rows if not row.policy]
    stolen = {row.kept for row in without_policy if row.stolen}
    if _CONTROL not in stolen or not all(row.ran for row in without_policy):
        return inconclusive("the script could not steal even a cookie that scripts can read", figures)
    http_only = {row.kept for row in without_policy if row.kept.startswith("HttpOnly")}
    at_once = {row.kept for row in without_policy if row.in_reach and row.stolen} - {_CONTROL}
    when_sent = stolen - at_once - {_CONTROL}
    acted = f"{sum(row.acted for row in without_policy)} of {len(without_policy)} cases"
    with_policy = [row for row in rows if row.policy]
    text = (
        f"a script in the page steals a credential kept in {_listed(at_once)} immediately, one kept in"
        f" {_listed(when_sent)} when the page sends it, one kept in {_listed(http_only - stolen)} never;"
        f" while the page is open it acts as the user in {acted};"
        f" with the page's Content-Security-Policy it ran {sum(row.ran for row in with_policy)} of"
        f" {len(with_policy)} times"
    )
    return decided(stolen >= _WEB_STORAGE and not http_only & stolen, text, figures, otherwise=text)


def _crossing_figures(rows: Sequence[Crossing]) -> list[ClaimFigure]:
    figures = []
    calls = max(row.reads + row.writes for row in rows)
    for row in rows:
        parts = [_NAMES[row.scheme], row.origin]
        parts += [row.cookie] if row.cookie != _UNCHANGED else []
        parts += [] if row.third_party_cookies else ["no third-party cookies"]
        parts += [] if row.preflights_remembered else ["no preflight cache"]
        name = ", ".join(parts)
        figures.append(figure(f"{name}: calls answered", row.reads + row.writes, f"of {calls}"))
        figures += [figure(f"{name}: preflights", row.preflights)] if row.works else []
    return figures


def _transports(bearer: bool, cookie: bool) -> str:
    transports = {"with a bearer token": bearer, "with a cookie as the server sets it": cookie}
    working = [name for name, works in transports.items() if works]
    refused = [name for name, works in transports.items() if not works]
    return f"{' and '.join(working) or 'with neither'}{f', not {refused[0]}' if working and refused else ''}"


def _remedies(rows: Sequence[Crossing]) -> str:
    """Return the attributes with which a cookie works from another site, and whether in every browser."""
    tried: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        if row.origin == _PARTNER and row.cookie != _UNCHANGED:
            tried[row.cookie].append(row.works)
    sometimes = [cookie for cookie, works in tried.items() if any(works) and not all(works)]
    remedies = [f"with {cookie} unless the browser blocks third-party cookies" for cookie in sometimes]
    remedies += [f"with {cookie} always" for cookie, works in tried.items() if all(works)]
    return ", ".join(remedies) or "with no attribute that was tried"


def _case(row: Forgery) -> str:
    if row.as_it_comes:
        return f"{_NAMES[row.scheme]}, unchanged server"
    if not row.same_site:
        return f"{_NAMES[row.scheme]}, no other protection"
    same_site = "not set" if row.same_site == "unsaid" else row.same_site
    return f"{_NAMES[row.scheme]}, SameSite {same_site}, {'' if row.proof else 'no '}CSRF token"


def _successful(rows: Iterable[Forgery]) -> str:
    return _listed(row.attack for row in rows if row.carried_out)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))) or "none"


CLAIMS: Final = (
    Claim(
        3,
        "cookies and CORS don't play well; tokens work to any server on any domain",
        "article",
        "demonstrated",
        "a page in a real Chromium logs in, reads and writes with a bearer token and with a cookie, from the"
        " API's own origin, from its site and from another site, allowed by the server or not; preflights are"
        " counted (`bench.py study browser` measures the time that they take)",
        "supported when every call from another site that the server allows works with a bearer token and not"
        " with a cookie as the server sets it, while both work from the API's own origin",
        browser_experiment("crossing", Crossing, crossing),
    ),
    Claim(
        6,
        "no need to protect against CSRF with tokens",
        "article",
        "demonstrated",
        "another site's page makes a real Chromium with a logged-in user send writes by form, fetch, image"
        " and link, for each transport with and without SameSite and CSRF token; the account on the server"
        " shows which writes were carried out",
        "supported when no forgery succeeds against a bearer token, while all succeed against an unprotected"
        " cookie",
        browser_experiment("forgery", Forgery, forgery),
    ),
    Claim(
        23,
        "web storage leaves you open to XSS",
        "Kolba",
        "demonstrated",
        "a script injected into a page in a real Chromium acts as the user and steals what it can for use"
        " from elsewhere, for each place where the credential is kept, with and without the page's policy",
        "supported when it can steal a credential from web storage and from a cookie without HttpOnly, but"
        " not from an HttpOnly cookie",
        browser_experiment("injection", Injection, injection),
    ),
)
