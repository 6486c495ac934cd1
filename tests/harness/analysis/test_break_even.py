"""The break-even round trip: found where it is known, with an interval that covers it as often as it says."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from harness.analysis.stats import break_even
from harness.results.model import Measurement, Result

STORED = Path(__file__).parents[1] / "data" / "result.json"
DISTANCES_US = (60.0, 560.0, 1080.0, 5100.0)
INSTANCES = 8


def swept(
    base_us: float,
    nearest_us: float,
    noise: float,
    seed: int = 1,
    distances: tuple[float, ...] = DISTANCES_US,
) -> Result:
    """A sweep in which a token's read takes `base_us`, and a session's `nearest_us` plus one round trip.

    Instances differ by `noise`, as a fraction, and by a tenth of it from distance to distance.
    """
    dice = random.Random(seed)  # noqa: S311 - a reproducible simulation
    own = {arm: [dice.gauss(1, noise) for _ in range(INSTANCES)] for arm in ("token", "cookie")}
    rows = []
    for rtt in distances:
        levels = {"token": base_us, "cookie": nearest_us + rtt}
        for arm, level in levels.items():
            points = [level * factor * dice.gauss(1, noise / 10) for factor in own[arm]]
            asked = float(arm != "token")
            rows += [row(rtt, arm, "service_p50", points), row(rtt, arm, "store_rtt", [rtt])]
            rows.append(row(rtt, arm, "store_ops", [asked] * INSTANCES))
    stored = Result.model_validate_json(STORED.read_text())
    return stored.model_copy(update={"measurements": rows})


def row(rtt: float, arm: str, metric: str, points: list[float]) -> Measurement:
    """An arm's measurement at one distance."""
    return Measurement(
        scenario="distance",
        load="",
        params={"store_delay_ms": rtt},
        arm=arm,
        metric=metric,
        unit="us",
        value=sum(points) / len(points),
        ci=None,
        instances=len(points),
        points=points,
        samples=1000,
    )


@pytest.mark.parametrize(("base", "nearest", "truth"), [(500.0, 300.0, 200.0), (300.0, 420.0, -120.0)])
def test_it_is_found(base: float, nearest: float, truth: float) -> None:
    """Also where there is none: then it is negative."""
    found = break_even.find(swept(base, nearest, noise=1e-9), "token", "cookie")
    assert found is not None
    assert found.value == pytest.approx(truth, rel=1e-4)
    assert found.slope == pytest.approx(1, rel=1e-4)
    assert found.nearest == DISTANCES_US[0]
    assert found.low < found.value < found.high


@pytest.mark.slow
def test_its_interval_covers_the_truth_as_often_as_it_says() -> None:
    """99 % nominal: of 1,000 simulated sweeps at least 97 and a half, and not each and every one."""
    truth = 200.0
    covered = 0
    for seed in range(1000):
        found = break_even.find(swept(500, 300, noise=0.02, seed=seed), "token", "cookie")
        assert found is not None
        covered += found.low < truth < found.high
    assert 975 <= covered < 1000


def test_one_distance_is_no_line() -> None:
    """Nor is a run without any."""
    assert break_even.find(swept(500, 300, 0.01, distances=(60.0,)), "token", "cookie") is None
    assert break_even.find(swept(500, 300, 0.01, distances=()), "token", "cookie") is None
    assert break_even.find(swept(500, 300, 0.01), "token", "opaque-bearer") is None


def test_who_does_not_ask_has_none() -> None:
    """A line without a slope would meet another anywhere."""
    result = swept(500, 300, 0.01)
    assert break_even.find(result, "token", "token") is None
    assert break_even.find(result, "cookie", "cookie") is None
    assert break_even.find(result, "cookie", "token") is None


def test_further_batches_of_some_distances_and_other_loads() -> None:
    """`--until-decided` measures open distances again; another load is another experiment."""
    result = swept(500, 300, noise=1e-9)
    more = [
        one.model_copy(update={"points": one.points * 2, "batches": [INSTANCES] * 2})
        if one.metric == "service_p50" and one.params["store_delay_ms"] == DISTANCES_US[1]
        else one
        for one in result.measurements
    ]
    busier = [one.model_copy(update={"load": "busier"}) for one in swept(900, 100, 0.1).measurements]
    found = break_even.find(result.model_copy(update={"measurements": more + busier}), "token", "cookie")
    assert found is not None
    assert found.value == pytest.approx(200, rel=1e-4)
