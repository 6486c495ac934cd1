"""What claims about costs read from a run: every verdict, from runs whose answer is known."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.analysis.stats.estimate import ratio
from harness.analysis.stats.verdict import judge
from harness.results.claims import Outcome
from harness.results.model import Comparison, Measurement, Result
from harness.studies.claims.families import costs, refreshing
from tests.sandbox import ROOT

STORED = Path(__file__).parents[1] / "data" / "result.json"
SUITE = tomllib.loads((ROOT / "loadtests" / "suites" / "claims.toml").read_text())
#: Eight instances that differ by half a per cent, and that differ by a third.
STEADY = (0.995, 1.005, 0.998, 1.002, 1.0, 0.996, 1.004, 1.0)
RESTLESS = (0.7, 1.3, 0.8, 1.2, 1.0, 0.75, 1.25, 1.0)

#: What a read costs, in us, on a machine where everything is as it usually is.
USUAL = {
    "token": 80.0,
    "token-cookie": 84.0,
    "token-denylist": 115.0,
    "token-cutoff": 115.5,
    "token-stateful": 125.0,
    "token-lookup": 190.0,
    "token-rs256": 95.0,
    "token-es256": 140.0,
    "token-eddsa": 150.0,
    "opaque-bearer": 93.0,
    "cookie": 97.0,
    "cookie-client": 160.0,
    "token-refresh": 81.0,
}


def run(
    shape: tuple[float, ...] = STEADY,
    sittings: dict[str, float] | None = None,
    refresh: float = 700.0,
    **reads: float,
) -> Result:
    """A run of the suite: what each scheme's read costs, and its request over whole sittings."""
    by_scenario = {
        "saturation": USUAL | {name.replace("_", "-"): cost for name, cost in reads.items()},
        "journey": {"token": 200.0, "cookie": 300.0} | (sittings or {}),
        "refresh": {"token-refresh": refresh},
    }
    measurements, comparisons = [], []
    for scenario, by_arm in by_scenario.items():
        points = {arm: [cost * one for one in shape] for arm, cost in by_arm.items()}
        measurements += [row(scenario, arm, own) for arm, own in points.items()]
        pairs = [pair for pair in SUITE["compare"] if set(pair) <= points.keys()]
        found = [ratio(points[base], points[arm], 0.99) for base, arm in pairs]
        verdicts = judge(found, confidence=0.99, margin=0.03)
        comparisons += [
            Comparison(
                scenario=scenario,
                load="",
                metric="total_cpu",
                base=base,
                arm=arm,
                ratio=one.value,
                ci=(one.low, one.high),
                noise_floor=one.noise_floor,
                primary=True,
                verdict=verdict,
            )
            for (base, arm), one, verdict in zip(pairs, found, verdicts, strict=True)
        ]
    stored = Result.model_validate_json(STORED.read_text())
    return stored.model_copy(update={"measurements": measurements, "comparisons": comparisons})


def row(scenario: str, arm: str, points: list[float]) -> Measurement:
    """An arm's measurement."""
    value = sum(points) / len(points)
    return Measurement(
        scenario=scenario,
        load="",
        arm=arm,
        metric="total_cpu",
        unit="us/req",
        value=value,
        ci=None,
        instances=len(points),
        points=points,
        samples=1000,
    )


def test_the_suite_has_every_scheme_that_is_read() -> None:
    """And no other."""
    assert set(SUITE["arms"]) == set(USUAL)


@pytest.mark.parametrize(
    ("ask", "result", "verdict"),
    [
        (costs.cache, run(token_denylist=90, token_cutoff=90), "supported"),
        (costs.cache, run(), "refuted"),
        (costs.cache, run(token_denylist=90), "inconclusive"),
        (costs.mixes, run(sittings={"cookie": 150}), "supported"),
        (costs.mixes, run(), "refuted"),
        (costs.mixes, run(sittings={"cookie": 201}), "inconclusive"),
        (costs.two_by_two, run(), "supported"),
        (costs.two_by_two, run(token_cookie=120), "refuted"),
        (costs.two_by_two, run(token_cookie=93), "inconclusive"),
        (costs.stateful, run(token_stateful=80), "supported"),
        (costs.stateful, run(), "refuted"),
        (costs.stateful, run(token_stateful=93.5), "refuted"),  # the same is nothing saved
        (costs.lookup, run(token_lookup=80.5), "supported"),
        (costs.lookup, run(), "refuted"),
        (costs.both, run(opaque_bearer=82), "supported"),
        (costs.both, run(), "refuted"),
        (costs.both, run(opaque_bearer=86), "inconclusive"),
        (costs.denylist, run(), "supported"),
        (costs.denylist, run(token_denylist=84), "refuted"),
        (costs.denylist, run(token_denylist=88.5), "inconclusive"),
        *(
            (ask, run(RESTLESS), "inconclusive")
            for ask in (costs.cache, costs.mixes, costs.two_by_two, costs.stateful, costs.denylist)
        ),
    ],
)
def test_verdicts(ask: Callable[[Result], Outcome], result: Result, verdict: str) -> None:
    """Each comes with its figures and their intervals."""
    outcome = ask(result)
    assert outcome.verdict == verdict
    assert outcome.because
    assert all(figure.ci is not None for figure in outcome.figures)


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        (run(), "supported"),
        (run(refresh=7000.0), "refuted"),
        (run(refresh=2100.0), "inconclusive"),
        (run(RESTLESS), "inconclusive"),
        (run(token_denylist=79), "inconclusive"),  # a denylist that costs nothing is no measure
    ],
)
def test_short_lifetimes(result: Result, verdict: str) -> None:
    """Judged for one read a second and a lifetime of a minute: 700 / 60 against 115 - 80."""
    outcome = refreshing.lifetimes(
        result, [refreshing.LifetimeOutcome(2, 2.5, 1.4), refreshing.LifetimeOutcome(5, 5.0, 4.9)]
    )
    assert outcome.verdict == verdict


def test_lifetimes_lived_and_modelled() -> None:
    """What was lived through goes by the reads that were counted; the rest by the lifetime itself."""
    outcome = refreshing.lifetimes(
        run(), [refreshing.LifetimeOutcome(2, 2.5, 1.4), refreshing.LifetimeOutcome(5, 5.0, 4.9)]
    )
    series = {
        group: {one.x: one.value for one in outcome.figures if one.group == group}
        for group in ("refresh cost", "stale access")
    }
    expected = {2: 700 / 2.5, 5: 700 / 5, 60: 700 / 60, 300: 700 / 300, 900: 700 / 900, 3600: 700 / 3600}
    assert series["refresh cost"] == pytest.approx(expected, rel=1e-3)
    assert series["stale access"] == {2: 1.4, 5: 4.9, 60: 60, 300: 300, 900: 900, 3600: 3600}
    level = next(one for one in outcome.figures if one.name.startswith("lifetime at which"))
    assert level.value == pytest.approx(700 / 35, rel=1e-3)


def test_the_share_given_back() -> None:
    """(115 - 80) / (97 - 80), with an interval around it that is no point."""
    share = costs.denylist(run()).figures[0]
    assert share.value == pytest.approx(35 / 17, rel=1e-3)
    assert share.ci is not None
    assert share.ci[0] < share.value < share.ci[1]


def test_a_session_with_a_look_up_is_reckoned() -> None:
    """(93 + 190 - 80) / 190."""
    [ratio_] = costs.both(run()).figures
    assert ratio_.value == pytest.approx(203 / 190, rel=1e-3)


def test_effects_of_two_by_two() -> None:
    """Square roots of the products: (97 * 93 / 84 / 80) and (97 * 84 / 93 / 80)."""
    state, transport, _ = costs.two_by_two(run()).figures
    assert state.value == pytest.approx((97 * 93 / 84 / 80) ** 0.5, rel=1e-3)
    assert transport.value == pytest.approx((97 * 84 / 93 / 80) ** 0.5, rel=1e-3)
