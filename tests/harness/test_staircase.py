"""The search for the highest load, on servers whose capacity a test has set."""

from __future__ import annotations

import math
import random

import pytest

from harness.staircase import Staircase, holds


def climb(start: float, capacity: float, slots: int, blur: float = 0, seed: int = 1) -> list[float]:
    """The rates tried once it had settled, by a server that bears so much, give or take."""
    search, dice, tried = Staircase(start), random.Random(seed), []  # noqa: S311 - a test
    for _ in range(slots):
        if search.settled:
            tried.append(search.rate)
        search.saw(search.rate <= capacity * math.exp(dice.gauss(0, blur)))
    return tried


def middle(rates: list[float]) -> float:
    """Their geometric mean."""
    return math.exp(sum(map(math.log, rates)) / len(rates))


def test_the_first_steps_by_hand() -> None:
    """Half as much again while it holds; back by the root of that; the step halves at each turn."""
    search = Staircase(1000)
    rates = []
    for held in (True, True, False, True):
        search.saw(held)
        rates.append(search.rate)
    assert rates == pytest.approx([1500, 2250, 2250 / 1.5**0.5, 2250 / 1.5**0.5 * 1.5**0.25])
    assert not search.settled


@pytest.mark.parametrize("start", [100, 3_000, 50_000])
def test_it_finds_the_capacity_from_below_and_from_above(start: float) -> None:
    """To within its last step of 2.6 %, wherever it began."""
    assert middle(climb(start, 8_000, 40)) == pytest.approx(8_000, rel=0.026)


@pytest.mark.parametrize("seed", range(20))
def test_mistakes_on_the_way_are_made_good(seed: int) -> None:
    """A server that bears a tenth more or less from slot to slot."""
    assert middle(climb(3_000, 8_000, 60, blur=0.1, seed=seed)) == pytest.approx(8_000, rel=0.12)


@pytest.mark.parametrize(
    ("slow", "dropped", "held"), [(1, 0, True), (2, 0, False), (0, 1, True), (1, 1, False), (0, 2, False)]
)
def test_the_limit_is_that_of_the_slowest_hundredth(slow: int, dropped: int, held: bool) -> None:
    """Of a hundred arrivals one may be late; one that was never sent is late too."""
    response_ns = [1_000_000] * (100 - slow - dropped) + [1_000_001] * slow
    assert holds(response_ns, dropped, 1_000_000) is held
