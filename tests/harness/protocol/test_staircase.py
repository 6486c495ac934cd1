"""The search for the highest load, on servers whose capacity a test has set."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest

from harness.protocol.staircase import Staircase, meets_limit


def climb(start: float, capacity: float, slots: int, blur: float = 0, seed: int = 1) -> list[float]:
    """The rates tried since it settled for good, by a server that bears so much, give or take."""
    search, dice = Staircase(start), random.Random(seed)  # noqa: S311 - a test
    tried: list[float] = []
    for _ in range(slots):
        tried = [*tried, search.rate] if search.converged else []
        search.record(search.rate <= capacity * math.exp(dice.gauss(0, blur)))
    return tried


def middle(rates: list[float]) -> float:
    """Their geometric mean."""
    return math.exp(sum(map(math.log, rates)) / len(rates))


def test_the_first_steps_by_hand() -> None:
    """Half as much again while it holds, the step halved at a turn, doubled from the fourth one way on."""
    search = Staircase(1000)
    rates = []
    for held in (True, True, False, True, True, True, True):
        search.record(held)
        rates.append(search.rate)
    steps = [math.log(after / before, 1.5) for before, after in pairwise([1000.0, *rates])]
    assert steps == pytest.approx([1, 1, -1 / 2, 1 / 4, 1 / 4, 1 / 4, 1 / 2])
    assert not search.converged


@pytest.mark.parametrize("start", [100, 3_000, 50_000])
def test_it_finds_the_capacity_from_below_and_from_above(start: float) -> None:
    """To within its shortest steps, wherever it began."""
    assert middle(climb(start, 8_000, 40)) == pytest.approx(8_000, rel=0.05)


def test_a_slot_that_a_burst_spoiled_costs_a_detour() -> None:
    """The second slot fails far below the capacity; twenty later it is there all the same."""
    search = Staircase(1_000)
    for slot in range(22):
        search.record(search.rate <= 8_000 and slot != 1)
    assert search.rate == pytest.approx(8_000, rel=0.15)


def test_mistakes_on_the_way_are_made_good() -> None:
    """A tenth more or less from slot to slot: few searches are under way at the end, none is far off."""
    found = [middle(rates) for seed in range(40) if (rates := climb(3_000, 8_000, 40, blur=0.1, seed=seed))]
    assert len(found) >= 36
    assert min(found) > 8_000 / 1.25
    assert max(found) < 8_000 * 1.25
    assert middle(found) == pytest.approx(8_000, rel=0.03)


@pytest.mark.parametrize(
    ("slow", "dropped", "held"), [(1, 0, True), (2, 0, False), (0, 1, True), (1, 1, False), (0, 2, False)]
)
def test_the_limit_is_that_of_the_slowest_hundredth(slow: int, dropped: int, held: bool) -> None:
    """Of a hundred arrivals one may be late; one that was never sent is late too."""
    response_ns = [1_000_000] * (100 - slow - dropped) + [1_000_001] * slow
    assert meets_limit(response_ns, dropped, 1_000_000) is held
