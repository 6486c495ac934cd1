"""Lines through levels: against values by hand, exact lines, and simulated truth."""

from __future__ import annotations

import math
import random
from statistics import fmean

import pytest

from harness.analysis.stats.estimate import mean
from harness.analysis.stats.linear_fit import Level, LinearFit
from tests.harness.sweeps import row_of


def line(*levels: tuple[float, list[float]]) -> LinearFit:
    """A line through such points."""
    return LinearFit(tuple(Level(at, points) for at, points in levels))


def test_two_levels_by_hand() -> None:
    """Two instances, 1 at 0 and 3 at 2, and 2 at 0 and 2 at 2: at 4 they say 5 and 2, with slopes 1 and 0."""
    one = line((0, [1, 2]), (2, [3, 2]))
    assert one.predictions(4) == pytest.approx([5, 2])
    assert one.slopes() == pytest.approx([1, 0])


def test_levels_weigh_by_their_relative_error() -> None:
    """1 at 0, 2 at 1 and 4 at 2, weighted 16 : 4 : 1, by hand: mean place 6/21, and so on.

    Weighted sums: S = 16*(6/21)^2 + 4*(15/21)^2 + (36/21)^2 = 6.2857; the products with 1, 2 and 4 come to
    8 in the same units, so the slope is 8 / 6.2857 = 1.2727, and the line passes (6/21, 28/21).
    """
    one = line((0, [1]), (1, [2]), (2, [4]))
    assert one.slopes() == pytest.approx([14 / 11])
    assert one.predictions(6 / 21) == pytest.approx([28 / 21])


def test_levels_may_weigh_alike() -> None:
    """1, 2 and 4 at 0, 1 and 2: ordinary least squares gives a slope of 3/2, and 7/3 in the middle."""
    one = LinearFit(tuple(Level(at, [value]) for at, value in ((0, 1.0), (1, 2.0), (2, 4.0))), alike=True)
    assert one.slopes() == pytest.approx([1.5])
    assert one.predictions(1) == pytest.approx([7 / 3])
    assert [held.predicted for held in one.held_back()] == pytest.approx([0, 2.5, 3])


def test_a_level_of_nothing_leaves_all_weights_equal() -> None:
    """What may be zero has no relative error: ordinary least squares."""
    assert line((0, [0]), (1, [1]), (2, [1])).slopes() == pytest.approx([0.5])


def test_an_exact_line_is_found_and_foretold() -> None:
    """Whatever the weights: each level held back is foretold without error."""
    one = line(*((at, [3 + 2 * at, 5 + 4 * at]) for at in (0.0, 1.0, 10.0, 1000.0)))
    assert one.predictions(50) == pytest.approx([103, 205])
    assert [held.at for held in one.held_back()] == [0, 1, 10, 1000]
    assert [held.error for held in one.held_back()] == pytest.approx([0, 0, 0, 0], abs=1e-9)


def test_a_bend_shows_where_it_is_held_back() -> None:
    """1, 2 and 6 at 0, 1 and 2: the last is foretold as 3, half of what it is."""
    assert [held.predicted for held in line((0, [1]), (1, [2]), (2, [6])).held_back()][2] == pytest.approx(3)
    assert line((0, [1]), (1, [2]), (2, [6])).held_back()[2].error == pytest.approx(0.5)


def test_two_levels_leave_nothing_to_hold_back() -> None:
    """One level makes no line."""
    assert line((0, [1]), (1, [2])).held_back() == []


def test_one_place_makes_no_line() -> None:
    """Nor do two rows of the same place."""
    row = row_of("distance", "open", {}, "cookie", "service_p50", [1.0, 2.0])
    assert LinearFit.through([(1.0, row), (1.0, row)]) is None
    assert LinearFit.through([]) is None


def test_levels_of_more_batches_count_with_the_instances_that_all_have() -> None:
    """A later batch leaves out what was decided."""
    short = row_of("distance", "open", {}, "cookie", "service_p50", [1.0, 2.0])
    long = row_of("distance", "open", {}, "cookie", "service_p50", [3.0, 4.0, 100.0])
    one = LinearFit.through([(1.0, long), (0.0, short)])
    assert one is not None
    assert [level.points for level in one.levels] == [[1, 2], [3, 4]]
    assert (one.first, one.last) == (0, 1)
    assert one.reaches(0.5)
    assert not one.reaches(1.5)


@pytest.mark.parametrize("same_processes", [True, False])
def test_its_intervals_cover_the_truth_as_often_as_they_say(same_processes: bool) -> None:
    """Eight instances at five distances, 200 + 1.02 * rtt: the 99 % interval holds the truth at 800.

    Whether the same processes served all distances, and so were slow or fast in all of them, or others. The
    3,000 trials have a standard error of 0.18 %.
    """
    dice = random.Random(20261125)  # noqa: S311 - a reproducible simulation
    truth, covered, trials = 200 + 1.02 * 800, 0, 3000
    for _ in range(trials):
        own = [dice.gauss(0, 0.02) for _ in range(8)]
        levels = [
            (
                rtt,
                [
                    (200 + 1.02 * rtt)
                    * math.exp((one if same_processes else dice.gauss(0, 0.02)) + dice.gauss(0, 0.01))
                    for one in own
                ],
            )
            for rtt in (60, 570, 1080, 2090, 5110)
        ]
        points = line(*levels).predictions(800)
        estimate = mean(points, 0.99)
        assert estimate.value == pytest.approx(fmean(points))
        assert estimate.low is not None
        assert estimate.high is not None
        covered += estimate.low <= truth <= estimate.high
    assert 0.99 - 3 * 0.0018 <= covered / trials <= 0.99 + 3 * 0.0018
