"""The checks of long runs: when they are made, and what they say."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from harness.analysis import endurance
from harness.analysis.drift import Drift, drifts
from harness.analysis.endurance import LONG_S
from harness.analysis.observation import Observation
from harness.analysis.stats.estimate import Estimate, Ratio
from harness.results.model import Check, Vitals
from tests.harness.analysis.test_drift import seen
from tests.harness.analysis.test_growth import vitals
from tests.harness.observations import Seen, observe


def observed(seconds: float = 1200, slots: Observation | None = None, *processes: Vitals) -> Observation:
    """A run of this length; two processes that stay level where no others are given."""
    slots = slots or seen()
    level = (vitals(), vitals(lambda t: 80 + t / 1200).model_copy(update={"process": "harness"}))
    scenario = slots.scenario.model_copy(update={"seconds": seconds})
    return replace(slots, scenario=scenario, vitals=processes or level)


def checks(seen_: Observation, stationary: bool = False) -> list[Check]:
    """The checks on it."""
    return endurance.checks(seen_, confidence=0.99, margin=0.03, stationary=stationary)


def test_a_level_run_is_told_with_its_figures() -> None:
    """One check on growth, one a metric on drift; 0.67 MB after the warm-up is 0.8 % of 80.67."""
    found = checks(observed())
    assert [(one.check, one.status) for one in found] == [("growth", "ok"), ("drift", "ok"), ("drift", "ok")]
    assert "2 processes stayed level" in found[0].detail
    assert "most in harness, by +0.8%" in found[0].detail
    assert "Server CPU from the first to the last third of the slots: token +0.0%" in found[1].detail
    assert "cookie against token +0.0%" in found[1].detail
    assert "Service time, median" in found[2].detail


@pytest.mark.parametrize(("seconds", "count"), [(90, 0), (LONG_S - 1, 0), (LONG_S, 1)])
def test_only_long_runs_are_judged_by_growth(seconds: float, count: int) -> None:
    """In 90 seconds a process that warms up looks like one that leaks; drift is looked at in every run."""
    leak = vitals(lambda t: 50 + t / 10, descriptors=lambda t: 30 + t // 60)
    found = [one.check for one in checks(observed(seconds, None, leak))]
    assert found == ["growth"] * count + ["drift"] * 2


@pytest.mark.parametrize(("blocks", "status"), [(7, "ok"), (8, "warning")])
def test_a_single_instance_that_drifts_is_named(blocks: int, status: str) -> None:
    """Its last third is 40 % dearer than its first, that of all others is not; few slots may be a burst."""
    slots = seen(blocks=blocks)
    number = len(slots.plan.order)
    accounts = [
        replace(account, server_cpu_ns=(account.server_cpu_ns or 0) * 1.4)
        if account.instance == 1 and account.slot >= 2 * number / 3
        else account
        for account in slots.accounts
    ]
    cpu, service = checks(observed(90, replace(slots, accounts=accounts)))
    assert (cpu.check, cpu.status) == ("drift", status)
    assert ("instance #1 +40%" in cpu.detail) is (status == "warning")
    assert service.status == "ok"


@pytest.mark.parametrize(("stationary", "status"), [(False, "warning"), (True, "invalid")])
def test_a_leak_is_named(stationary: bool, status: str) -> None:
    """Process, amount and remedy; a suite that asks for level processes is failed by it."""
    leak = vitals(lambda t: 50 + t / 100, descriptors=lambda t: 30 + t // 60)
    growth = checks(observed(1200, None, vitals(), leak), stationary)[0]
    assert growth.status == status
    assert "cookie #3 gained 8.0 MB of memory (+13.8%)" in growth.detail  # of 58 MB
    assert "cookie #3 gained 13 descriptors (around 43)" in growth.detail
    assert "threads" not in growth.detail
    assert "never released" in growth.detail


def test_an_arm_that_ages_is_a_warning() -> None:
    """Cookie by 10 % against token, in both metrics; a soak is not failed by it, since machines drift too."""
    for one in checks(observed(1200, seen(cookie=1.1)), stationary=True)[1:]:
        assert (one.check, one.status) == ("drift", "warning")
        assert "one scheme changed" in one.detail


def test_of_many_pairs_those_that_moved_are_told() -> None:
    """With four arms there are six pairs: of the one arm that ages each of its three, of the others none."""
    arms = [f"arm-{number}" for number in range(4)]
    level = Estimate(1.0, 0.99, 1.01)
    still, ages = Ratio(1.0, 0.99, 1.01, 1.0, 0.01), Ratio(1.2, 1.19, 1.21, 0.0, 0.01)
    pairs = {(base, arm): ages if arm == "arm-3" else still for base, arm in combinations(arms, 2)}
    told = endurance.check_drift(Drift("server_cpu", dict.fromkeys(arms, level), pairs, {}), "run", 0.03)
    assert told.status == "warning"
    assert all(f"arm-3 against {base} +20.0%" in told.detail for base in arms[:3])
    assert told.detail.count(" against ") == 3


def test_all_pairs_hold_at_once() -> None:
    """With more arms each pair's interval is wider, so that it is all of them that err in 1 of 100 runs."""
    two, four = (
        drifts(scattered(("token", "cookie", *more)), 0.99)[0].pairs[("token", "cookie")]
        for more in ((), ("opaque-bearer", "token-cookie"))
    )
    assert four.value == two.value
    assert four.low < two.low
    assert four.high > two.high


def scattered(arms: tuple[str, ...]) -> Observation:
    """Three slots of four instances of each arm, which moved a little, each in its own way."""
    names = [arm for arm in arms for _ in range(4)]
    slots = [
        Seen(instance, server_us=100 + third * (instance % 4))
        for third in range(3)
        for instance in range(len(names))
    ]
    return observe(slots, names)


def test_a_neighbour_is_no_ageing_arm() -> None:
    """Both arms 20 % dearer: ok; 40 %: told, and put down to the machine or to what they share."""
    assert {one.status for one in checks(observed(1200, seen(token=1.2, cookie=1.2)))} == {"ok"}
    for one in checks(observed(1200, seen(token=1.4, cookie=1.4)))[1:]:
        assert one.status == "warning"
        assert "the machine changed" in one.detail
        assert "one scheme changed" not in one.detail


def test_a_drift_within_the_margin_is_none() -> None:
    """2 % of one arm against the other, the margin being 3 %."""
    assert {one.status for one in checks(observed(1200, seen(cookie=1.02)))} == {"ok"}


@pytest.mark.parametrize(("stationary", "status"), [(False, "warning"), (True, "invalid")])
def test_growth_that_cannot_be_told_is_not_passed_over(stationary: bool, status: str) -> None:
    """Two looks are too few: a soak must not end well by not having looked."""
    few = vitals(at_s=[1.0, 2.0])
    growth = checks(observed(1200, None, few), stationary)[0]
    assert (growth.check, growth.status) == ("growth", status)
    assert "shorter slots" in growth.detail
