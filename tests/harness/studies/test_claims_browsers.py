"""Verdicts on what a browser was seen to do, from rows made up: each way they can come out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from harness.errors import EnvironmentFailedError
from harness.results.claims import ClaimFigure
from harness.studies.browser import driver
from harness.studies.browser.driver import Crossing, Forgery, Injection
from harness.studies.claims.families import browsers
from harness.studies.lab import Lab
from harness.system import processes, temp_folders

OWN, SIBLING, PARTNER, STRANGER = (
    "own origin",
    "own site, allowed",
    "another site, allowed",
    "another site, not allowed",
)
PARTITIONED = "SameSite=None; Partitioned"


def crossed(
    scheme: str,
    origin: str,
    works: bool,
    preflights: int = 0,
    *,
    cookie: str = "as it comes",
    third: bool = True,
    remembered: bool = True,
) -> Crossing:
    """Three reads and a write that were all answered, or none of them."""
    return Crossing(
        scheme=scheme,
        origin=origin,
        cookie=cookie,
        third_party_cookies=third,
        preflights_remembered=remembered,
        works=works,
        reads=3 * works,
        writes=1 * works,
        login_preflights=min(preflights, 1),
        read_preflights=max(preflights - 1, 0),
        write_preflights=0,
    )


def crossings(*, own: bool = True, token: bool = True, cookie: bool = False) -> list[Crossing]:
    """What is seen where the API's own pages, and tokens and cookies from a partner, work or do not."""
    return [
        *(crossed(scheme, OWN, own) for scheme in ("cookie", "token")),
        crossed("cookie", SIBLING, True, 2),
        crossed("token", SIBLING, True, 3),
        crossed("cookie", SIBLING, True, 4, remembered=False),
        crossed("token", SIBLING, True, 9, remembered=False),
        crossed("cookie", PARTNER, cookie),
        crossed("token", PARTNER, token),
        *(crossed(scheme, STRANGER, False) for scheme in ("cookie", "token")),
        *(crossed("cookie", PARTNER, third, cookie="SameSite=None", third=third) for third in (True, False)),
        *(crossed("cookie", PARTNER, True, cookie=PARTITIONED, third=third) for third in (True, False)),
    ]


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        (crossings(), "supported"),
        (crossings(cookie=True), "refuted"),
        (crossings(token=False), "refuted"),
        (crossings(own=False), "inconclusive"),
    ],
)
def test_calls_across_origins(rows: list[Crossing], verdict: str) -> None:
    """Bearer has to work where the cookie does not, and both at home."""
    assert browsers.crossing(rows).verdict == verdict


def test_what_crossing_comes_to_is_told() -> None:
    """Preflights are counted; remedies are named with the browsers that they work in."""
    outcome = browsers.crossing(crossings())
    assert (
        "with SameSite=None unless the browser blocks third-party cookies, with SameSite=None;"
        " Partitioned always" in outcome.because
    )
    assert (
        "3 reads and 1 writes from another origin cost 3 preflights with a bearer token, 2 with a cookie"
        in outcome.because
    )
    assert "without a preflight cache, 9 and 4" in outcome.because
    for figure in (
        ClaimFigure(name="bearer, own site, allowed: preflights", value=3),
        ClaimFigure(name="session cookie, another site, allowed: calls answered", value=0, unit="of 4"),
    ):
        assert figure in outcome.figures


def forged(succeeds: Callable[[Forgery], bool]) -> list[Forgery]:
    """Two attacks on each case, of which these succeed."""
    cases = [("token", True, "", False), ("token", False, "", False)]
    for scheme in ("cookie", "token-cookie"):
        cases += [(scheme, True, "Lax", True)]
        cases += [
            (scheme, False, kind, proof)
            for kind in ("Strict", "Lax", "unsaid", "None")
            for proof in (True, False)
        ]
    rows = [
        Forgery(
            scheme=scheme,
            as_it_comes=whole,
            same_site=kind,
            proof=proof,
            attack=attack,
            carried_out=False,
        )
        for scheme, whole, kind, proof in cases
        for attack in ("form", "link")
    ]
    return [row.model_copy(update={"carried_out": succeeds(row)}) for row in rows]


def unprotected(row: Forgery) -> bool:
    """A cookie that nothing protects."""
    return row.same_site == "None" and not row.proof


@pytest.mark.parametrize(
    ("succeeds", "verdict"),
    [
        (unprotected, "supported"),
        (lambda row: unprotected(row) or row.scheme == "token", "refuted"),
        (lambda row: unprotected(row) or (row.scheme == "token" and row.as_it_comes), "refuted"),
        (lambda _: False, "inconclusive"),
        (lambda row: unprotected(row) and row.scheme == "cookie", "inconclusive"),
        (lambda row: unprotected(row) and row.attack == "form", "inconclusive"),
    ],
)
def test_forged_writes(succeeds: Callable[[Forgery], bool], verdict: str) -> None:
    """None may come through by bearer, and each must have been seen to work where nothing is in its way."""
    assert browsers.forgery(forged(succeeds)).verdict == verdict


def test_what_forgeries_come_to_is_told() -> None:
    """Protection by protection, and as counts."""
    lax = browsers.forgery(
        forged(
            lambda row: unprotected(row) or ((row.same_site, row.proof, row.attack) == ("Lax", False, "link"))
        )
    )
    assert "with a bearer token: none; with the CSRF token alone: none" in lax.because
    assert "with SameSite=Strict alone: none; with SameSite=Lax alone: link" in lax.because
    for case, carried_out in (
        ("session cookie, SameSite Lax, no CSRF token", 1),
        ("JWT in a cookie, unchanged server", 0),
    ):
        figure = ClaimFigure(name=f"{case}: forgeries carried out", value=carried_out, unit="of 2")
        assert figure in lax.figures


KEPT = (
    *("localStorage", "sessionStorage", "memory"),
    *("HttpOnly cookie (session)", "HttpOnly cookie (JWT)", "readable cookie (session)"),
)


def injected(*stolen: str) -> list[Injection]:
    """What is seen where a script carries off these, and runs only without the page's policy."""
    return [
        Injection(
            kept=kept,
            policy=policy,
            ran=not policy,
            acted=not policy,
            in_reach=not policy and kept in stolen and kept != "memory",
            stolen=not policy and kept in stolen,
        )
        for kept in KEPT
        for policy in (True, False)
    ]


@pytest.mark.parametrize(
    ("stolen", "verdict"),
    [
        (("localStorage", "sessionStorage", "memory", "readable cookie (session)"), "supported"),
        (("localStorage", "sessionStorage", "readable cookie (session)"), "supported"),
        (("localStorage", "readable cookie (session)"), "refuted"),
        ((*KEPT,), "refuted"),
        (("localStorage", "sessionStorage"), "inconclusive"),
        ((), "inconclusive"),
    ],
)
def test_injected_scripts(stolen: tuple[str, ...], verdict: str) -> None:
    """What scripts read can be stolen and what they do not cannot; a readable cookie is the control."""
    assert browsers.injection(injected(*stolen)).verdict == verdict


def test_what_a_script_comes_to_is_told() -> None:
    """Where it steals and how; that it acts whatever is used; that a policy keeps it out."""
    outcome = browsers.injection(injected(*KEPT[:3], KEPT[5]))
    assert "kept in localStorage, sessionStorage immediately, one kept in memory when" in outcome.because
    assert "HttpOnly cookie (JWT), HttpOnly cookie (session) never" in outcome.because
    assert "acts as the user in 6 of 6 cases" in outcome.because
    assert "ran 0 of 6 times" in outcome.because


class Ports:
    """A lab of which only ports are asked."""

    def port(self, *_: Any) -> int:
        """Any."""
        return 1


@pytest.mark.parametrize("said", ["", "{}", '{"rows": 1}', "[]", '{"rows": [{"kept": "memory"}]}'])
def test_an_answer_that_is_none_is_told(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No verdict rests on half an answer."""
    about = {"injection": {"servers": {"cookie": "cookie"}, "arguments": []}}
    monkeypatch.setattr(processes, "run_module", lambda *_: json.dumps(about))
    monkeypatch.setattr(driver, "_output", lambda *_: said)
    with pytest.raises(EnvironmentFailedError, match="is not a result"):
        driver.run_experiment(cast(Lab, Ports()), "injection", Injection)


def test_an_answer_names_its_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """The version that showed it."""
    monkeypatch.setattr(driver, "require", lambda: None)
    monkeypatch.setattr(driver, "run_experiment", lambda *_: ("156.0", crossings()))
    outcome = driver.browser_experiment("crossing", Crossing, browsers.crossing)(cast(Lab, Ports()))
    assert (outcome.verdict, outcome.browser) == ("supported", "156.0")


def test_no_server_is_started_for_a_browser_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim is `not run` by then."""
    monkeypatch.setattr(
        processes, "run_module", lambda *_: json.dumps({"missing": "there is none: install one"})
    )
    outcome = driver.browser_experiment("crossing", Crossing, browsers.crossing)(cast(Lab, None))
    assert (outcome.verdict, outcome.because) == ("not run", "there is none: install one")


def test_what_the_browser_lab_writes_goes_with_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of its certificate and the browser's profile: `TMPDIR` is a folder that counts as left over."""
    given: list[Path] = []

    class Ended:
        returncode = 0

        def communicate(self, timeout: float) -> tuple[bytes, None]:
            assert timeout == 60
            assert (given[0] / temp_folders.OWNER).exists()
            (given[0] / "key.pem").touch()
            return b"said", None

    def start(*_: Any, environment: dict[str, str], **__: Any) -> Ended:
        given.append(Path(environment["TMPDIR"]))
        return Ended()

    monkeypatch.setattr(processes, "start", start)
    monkeypatch.setattr(processes, "terminate", lambda _: None)
    assert driver._output(["injection"], 60) == "said"
    assert given[0].name.startswith(temp_folders.PREFIX)
    assert not given[0].exists()
