"""Each experiment in a real browser, with its controls: what fails succeeds where nothing stops it."""

from __future__ import annotations

from itertools import product

import pytest

from browserlab.experiments import crossing, forgery, injection, load, names, planting, wait
from browserlab.session import BrowserSession

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def test_crossing(servers: dict[str, int]) -> None:
    """Twice the same; at home everything works, from strangers nothing."""
    _, rows = await crossing.run(servers)
    works = {(row.scheme, row.origin) for row in rows if row.cookie == "as it comes" and row.works}
    assert works == {
        *(
            (scheme, origin)
            for scheme in ("cookie", "token")
            for origin in ("own origin", "own site, allowed")
        ),
        ("token", "another site, allowed"),
    }
    assert {
        (row.cookie, row.third_party_cookies): row.works for row in rows if row.cookie != "as it comes"
    } == {
        ("SameSite=None", True): True,
        ("SameSite=None", False): False,
        ("SameSite=None; Partitioned", True): True,
        ("SameSite=None; Partitioned", False): True,
    }
    preflights = {
        (row.scheme, row.preflights_remembered): (
            row.login_preflights,
            row.read_preflights,
            row.write_preflights,
        )
        for row in rows
        if row.origin == "own site, allowed"
    }
    assert preflights == {
        ("cookie", True): (1, 0, 1),
        ("cookie", False): (1, 0, crossing.WRITES),
        ("token", True): (1, 1, 1),
        ("token", False): (1, crossing.READS, crossing.WRITES),
    }
    assert not any(
        row.login_preflights + row.read_preflights + row.write_preflights
        for row in rows
        if row.origin == "own origin"
    )
    assert (await crossing.run(servers))[1] == rows


async def test_forgery(servers: dict[str, int]) -> None:
    """Nothing on servers as they come, nothing by bearer, everything on a cookie that nothing protects."""
    _, rows = await forgery.run(servers)
    through = {
        (row.scheme, row.same_site, row.attack) for row in rows if row.carried_out and not row.as_it_comes
    }
    assert not any(row.carried_out for row in rows if row.as_it_comes or row.proof)
    assert through == {
        (scheme, same_site, attack)
        for scheme in ("cookie", "token-cookie")
        for same_site, attacks in {
            "Lax": ("link",),
            "unsaid": ("form", "link"),
            "None": forgery.ATTACKS,
        }.items()
        for attack in attacks
    }


async def test_injection(servers: dict[str, int]) -> None:
    """It steals from web storage, memory and a readable cookie; acts everywhere; runs under no policy."""
    _, rows = await injection.run(servers)
    assert {row.kept for row in rows if row.stolen} == {
        "localStorage",
        "sessionStorage",
        "memory",
        "readable cookie (session)",
    }
    assert {row.kept for row in rows if row.in_reach} == {
        "localStorage",
        "sessionStorage",
        "readable cookie (session)",
    }
    assert all((row.ran, row.acted) == (not row.policy, not row.policy) for row in rows)


async def test_planting(servers: dict[str, int]) -> None:
    """The browser stores a sibling's cookie; only stock aiohttp-session takes it for the session."""
    _, rows = await planting.run(servers)
    rejected = {"none", "tab in a value"}  # by Chromium
    accepted = set(product(planting.WAYS, planting.PREFIXES.keys() - rejected))
    assert {(row.way, row.prefix) for row in rows if row.planted} == accepted
    hardened = [row for row in rows if row.scheme != "cookie-stock"]
    assert {row.identified for row in hardened} == {"visitor"}
    robbed = {(row.way, row.prefix) for row in rows if row.identified == "attacker"}
    assert robbed == accepted


async def test_wait(servers: dict[str, int]) -> None:
    """Every case once a round, in an order that the seed draws; preflights where they have to be."""
    _, rows = await wait.run(servers, rounds=2, seed=3)
    _, again = await wait.run(servers, rounds=2, seed=3)
    order = [(row.round, row.server, row.origin, row.preflights) for row in rows]
    assert order == [(row.round, row.server, row.origin, row.preflights) for row in again]
    assert order[:8] != [(0, *place[1:]) for place in order[8:]]
    for number in (0, 1):
        tried = {tuple(vars(case).values()) for case in wait.cases()}
        assert {place[1:] for place in order if place[0] == number} == tried
    for row in rows:
        assert row.preflights_seen == (row.server == "token" and row.preflights == "each time")
        assert 0 < row.received_ms < row.answered_ms < row.rendered_ms


async def test_the_static_answer_comes_from_no_server(here: BrowserSession) -> None:
    """It is the same answer in the page, and the front's own."""
    async with wait._prepare(here, wait.WaitCase(wait.STATIC, "own origin", "none")) as (visitor, served):
        here.proxy.sites = served
        here.preflights()
        assert await visitor.press("#call") == '{"name":"John","id":"123"}'
        assert here.proxy.seen == []


async def test_every_experiment_names_its_servers() -> None:
    """And is found by its file."""
    assert {"crossing", "forgery", "injection", "wait"} <= set(names())
    for name in names():
        assert load(name).TITLE
        assert load(name).SCHEMES
