"""Drift, told from slots made by hand: an arm that ages, a neighbour that comes, a run that is level."""

from __future__ import annotations

import pytest

from harness.analysis.drift import Drift, drifts
from harness.analysis.observation import Observation
from tests.harness.observations import Seen, observe

ARMS = ("token", "token", "cookie", "cookie")


def seen(token: float = 1, cookie: float = 1, blocks: int = 1) -> Observation:
    """So many blocks of four instances a third; CPU and service time of an arm in the last.

    There they are times so much. Instances of an arm differ by a tenth throughout; one moves by a thousandth
    more than the other.
    """
    moved = {"token": token, "cookie": cookie}
    slots = []
    for third in (number // blocks for number in range(3 * blocks)):
        for instance, arm in enumerate(ARMS):
            own = 1 + 0.1 * (instance % 2)
            factor = moved[arm] * (1 + 0.001 * (instance % 2)) if third == 2 else 1
            # The middle third is of no concern.
            factor *= 50 if third == 1 else 1
            slots.append(
                Seen(instance, server_us=100 * own * factor, service_us=[round(20_000 * own * factor)] * 3)
            )
    return observe(slots, ARMS)


def by_metric(observed: Observation) -> dict[str, Drift]:
    """The drift of every metric."""
    return {one.metric: one for one in drifts(observed, 0.99)}


@pytest.mark.parametrize(("metric", "exactly"), [("server_cpu", 1e-9), ("service_p50", 2e-3)])
def test_the_last_third_is_held_against_the_first(metric: str, exactly: float) -> None:
    """Token rises by 2 %, cookie by 12.2 %, so cookie against token by 10 %; histograms keep three digits."""
    one = by_metric(seen(token=1.02, cookie=1.122))[metric]
    between = 1.001**0.5  # the geometric mean of 1 and 1.001
    assert one.arms["token"].value == pytest.approx(1.02 * between, rel=exactly)
    assert one.arms["cookie"].value == pytest.approx(1.122 * between, rel=exactly)
    pair = one.pairs["token", "cookie"]
    assert pair.value == pytest.approx(1.1, rel=2 * exactly)
    assert pair.low < pair.value < pair.high


def test_every_metric_is_looked_at() -> None:
    """What the server spends, and what a user waits."""
    assert set(by_metric(seen())) == {"server_cpu", "service_p50"}


def test_what_hits_both_arms_moves_neither_against_the_other() -> None:
    """A neighbour that makes all 40 % dearer."""
    one = by_metric(seen(token=1.4, cookie=1.4))["server_cpu"]
    assert one.pairs["token", "cookie"].value == pytest.approx(1)
    assert one.arms["token"].value == pytest.approx(1.4, rel=1e-3)


def test_instances_without_slots_in_both_thirds_are_left_out() -> None:
    """A run that broke off after its first third says nothing of drift."""
    observed = observe([Seen(0), Seen(1), Seen(2), Seen(3), Seen(0), Seen(1)], ARMS)
    # Six slots: 0 and 1 are the first third, 4 and 5 the last; 0 and 1 are in both, 2 and 3 in none.
    [one, _] = drifts(observed, 0.99)
    assert set(one.arms) == {"token"}
    assert one.pairs == {}
