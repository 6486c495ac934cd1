"""Estimates against values computed by hand, against SciPy's Welch test, and against simulated truth."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from harness.analysis.stats.estimate import contrast, geometric_mean, mean, ratio, stratified_ratio

#: Quantiles of Student's t from printed tables: (one-sided level, degrees of freedom).
T_975_2 = 4.302653
T_995_2 = 9.924843
T_995_14 = 2.976843
T_995_4 = 4.604095

positive = st.floats(min_value=1e-3, max_value=1e6)
points = st.lists(positive, min_size=2, max_size=12)


def test_mean_by_hand() -> None:
    """1, 2, 3 have mean 2 and s.d. 1: the half-width is t / sqrt(3)."""
    estimate = mean([1, 2, 3], 0.95)
    assert estimate.value == 2
    assert estimate.low == pytest.approx(2 - T_975_2 / math.sqrt(3), rel=1e-6)
    assert estimate.high == pytest.approx(2 + T_975_2 / math.sqrt(3), rel=1e-6)


def test_mean_of_higher_confidence_is_wider() -> None:
    """99 % takes the 0.995 quantile, not the 0.99 one."""
    estimate = mean([1, 2, 3], 0.99)
    assert estimate.high == pytest.approx(2 + T_995_2 / math.sqrt(3), rel=1e-6)


def test_one_instance_has_no_interval() -> None:
    """A single instance says nothing of how instances differ, in either mean."""
    for estimate in (mean([5.0], 0.99), geometric_mean([5.0], 0.99)):
        assert estimate.value == pytest.approx(5)
        assert estimate.low is None
        assert estimate.high is None


def test_geometric_mean_by_hand() -> None:
    """1, 10, 100 have logarithms of mean ln 10 and s.d. ln 10."""
    estimate = geometric_mean([1, 10, 100], 0.95)
    half = T_975_2 * math.log(10) / math.sqrt(3)
    assert estimate.value == pytest.approx(10)
    assert estimate.low == pytest.approx(10 * math.exp(-half), rel=1e-5)
    assert estimate.high == pytest.approx(10 * math.exp(half), rel=1e-5)


def test_ratio_and_noise_floor_by_hand() -> None:
    """Two against two, logarithms 0 and 0.02 against 0.1 and 0.12: both variances are 0.0002.

    Welch's freedom is then 2 and the standard error sqrt(0.0002); K is 2, so that sqrt(2/K) is 1.
    """
    one = ratio([1, math.exp(0.02)], [math.exp(0.1), math.exp(0.12)], 0.99)
    half = T_995_2 * math.sqrt(0.0002)
    assert one.value == pytest.approx(math.exp(0.1))
    assert one.low == pytest.approx(math.exp(0.1 - half), rel=1e-6)
    assert one.high == pytest.approx(math.exp(0.1 + half), rel=1e-6)
    assert one.noise_floor == pytest.approx(math.exp(half) - 1, rel=1e-6)


def test_noise_floor_of_eight_against_eight() -> None:
    """The quantile * pooled s.d. * sqrt(2/K): logarithms of ±0.01 have a variance of 8 * 0.0001 / 7."""
    base = [math.exp(0.01), math.exp(-0.01)] * 4
    arm = [3 * x for x in base]
    pooled = math.sqrt(8 * 0.0001 / 7)
    expected = math.expm1(T_995_14 * pooled * math.sqrt(2 / 8))
    assert ratio(base, arm, 0.99).noise_floor == pytest.approx(expected, rel=1e-6)


def test_noise_floor_with_unequal_counts_weighs_by_freedom() -> None:
    """Variances 0.0002 (two) and 0.0001 (three) pool to (0.0002 + 2 * 0.0001) / 3; freedom is 3."""
    base = [1, math.exp(0.02)]
    arm = [math.exp(-0.01), 1, math.exp(0.01)]
    t_995_3 = 5.840909
    expected = math.expm1(t_995_3 * math.sqrt(0.0004 / 3 * (1 / 2 + 1 / 3)))
    assert ratio(base, arm, 0.99).noise_floor == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("base", "arm"),
    [
        ([100, 101, 99, 102], [103, 108, 101, 110]),
        ([12.1, 12.2, 12.15, 12.3, 11.9, 12.0, 12.4, 12.1], [11.0, 14.0, 12.5]),
        ([5, 5.2], [5.1, 5.0, 5.3, 4.9, 5.6]),
    ],
)
def test_ratio_is_welch_on_logarithms(base: list[float], arm: list[float]) -> None:
    """Value, interval and p-value are those of SciPy's Welch test, unequal counts and variances included."""
    logs_base, logs_arm = [math.log(x) for x in base], [math.log(x) for x in arm]
    welch = ttest_ind(logs_arm, logs_base, equal_var=False)
    interval = welch.confidence_interval(0.99)
    one = ratio(base, arm, 0.99)
    assert one.p_equal == pytest.approx(float(welch.pvalue))
    assert math.log(one.low) == pytest.approx(float(interval.low))
    assert math.log(one.high) == pytest.approx(float(interval.high))


def test_deterministic_metrics_have_a_ratio_without_width() -> None:
    """Bytes do not vary between instances: any difference is certain, and so is none."""
    longer = ratio([200, 200, 200], [300, 300, 300], 0.99)
    assert (longer.low, longer.high) == (longer.value, longer.value)
    assert longer.value == pytest.approx(1.5)
    assert longer.p_equal == 0
    assert longer.noise_floor == 0
    same = ratio([200, 200], [200, 200], 0.99)
    assert (same.value, same.low, same.high, same.p_equal, same.noise_floor) == (1, 1, 1, 1, 0)


def test_one_arm_may_be_deterministic() -> None:
    """Only one arm varies: the freedom is that arm's own."""
    one = ratio([1, 1, 1], [1, math.exp(0.1), math.exp(0.2)], 0.95)
    half = T_975_2 * 0.1 / math.sqrt(3)
    assert math.log(one.high) == pytest.approx(0.1 + half, rel=1e-6)
    assert math.log(one.low) == pytest.approx(0.1 - half, rel=1e-6)


@given(points, points)
def test_exchanging_the_arms_inverts_the_ratio(base: list[float], arm: list[float]) -> None:
    """Arm over base is one over base over arm, with the ends exchanged and the same p-value."""
    there, back = ratio(base, arm, 0.99), ratio(arm, base, 0.99)
    assert math.log(there.value) == pytest.approx(-math.log(back.value), abs=1e-9)
    assert there.p_equal == pytest.approx(back.p_equal, abs=1e-9)
    assert there.low <= there.value * (1 + 1e-12)
    assert there.value <= there.high * (1 + 1e-12)


@given(points, st.floats(min_value=0.1, max_value=10))
def test_the_unit_does_not_matter(base: list[float], factor: float) -> None:
    """A geometric mean in other units is the same quantity."""
    scaled = geometric_mean([factor * x for x in base], 0.99).value
    assert scaled == pytest.approx(factor * geometric_mean(base, 0.99).value)


@pytest.mark.parametrize("spread_of_arm", [0.013, 0.04])
def test_intervals_cover_the_truth_as_often_as_they_say(spread_of_arm: float) -> None:
    """Eight against eight instances, true ratio 1.03: the 99 % interval holds it in 98.5 to 99.5 % of trials.

    4,000 trials have a standard error of 0.16 %.
    """
    dice = random.Random(20261124)  # noqa: S311 - a reproducible simulation
    trials = 4000
    covered = 0
    for _ in range(trials):
        base = [math.exp(dice.gauss(0, 0.013)) for _ in range(8)]
        arm = [1.03 * math.exp(dice.gauss(0, spread_of_arm)) for _ in range(8)]
        one = ratio(base, arm, 0.99)
        covered += one.low <= 1.03 <= one.high
    assert 0.985 <= covered / trials <= 0.995


@pytest.mark.slow
@pytest.mark.parametrize("instances", [4, 8, 16])
def test_the_other_intervals_cover_the_truth_as_often_as_they_say(instances: int) -> None:
    """Means and geometric means of an arm, and how a ratio moved between runs: each within three s.e.

    3,000 trials at 99 % have a standard error of 0.18 %. Welch's freedom is an approximation, and with four
    instances a little on the safe side.
    """
    dice = random.Random(instances)  # noqa: S311 - a reproducible simulation
    trials = 3000
    covered = dict.fromkeys(("mean", "geometric mean", "contrast"), 0)
    for _ in range(trials):
        groups = [[math.exp(dice.gauss(0, 0.013)) for _ in range(instances)] for _ in range(4)]
        plain = mean([100 + dice.gauss(0, 5) for _ in range(instances)], 0.99)
        geometric = geometric_mean(groups[0], 0.99)
        _, low, high = contrast(list(zip((1, -1, -1, 1), groups, strict=True)), 0.99)
        assert plain.low is not None
        assert plain.high is not None
        assert geometric.low is not None
        assert geometric.high is not None
        covered["mean"] += plain.low <= 100 <= plain.high
        covered["geometric mean"] += geometric.low <= 1 <= geometric.high
        covered["contrast"] += low <= 1 <= high
    for name, count in covered.items():
        assert 0.99 - 3 * 0.0018 <= count / trials <= 0.9985, name


def test_a_mean_over_batches_rests_on_the_spread_within_them() -> None:
    """1, 3 and 101, 103: the mean is 52; both variances are 2, so the error is sqrt(2 * 0.25), freedom 2."""
    one = mean([1, 3, 101, 103], 0.95, [2, 2])
    assert one.value == 52
    assert one.high == pytest.approx(52 + T_975_2 * math.sqrt(0.5), rel=1e-6)
    assert geometric_mean([math.exp(x) for x in (1, 3, 11, 13)], 0.95, [2, 2]).high == pytest.approx(
        math.exp(7 + T_975_2 * math.sqrt(0.5)), rel=1e-6
    )


def test_a_batch_of_one_leaves_a_mean_without_interval() -> None:
    """There is no spread within it."""
    assert mean([1, 2, 3], 0.99, [2, 1]).low is None


def test_a_batch_that_an_arm_was_not_in_changes_nothing() -> None:
    """Later batches leave out what is decided."""
    assert mean([1, 2, 3], 0.99, [3, 0]) == mean([1, 2, 3], 0.99)


def test_batches_are_compared_each_by_itself() -> None:
    """Two batches of two against two; arms e^0.1 and e^0.3 apart: the mean is e^0.2.

    Every variance is 0.0002, weights are a half: the squared error is 4 * 0.25 * 0.0001 and its freedom 4,
    Satterthwaite's (4 s)^2 / (4 s^2) for four equal shares with a freedom of 1 each.
    """
    near, apart = [1, math.exp(0.02)], [math.exp(0.1), math.exp(0.12)]
    later, far = [math.exp(5), math.exp(5.02)], [math.exp(5.3), math.exp(5.32)]
    one = stratified_ratio([(near, apart), (later, far)], 0.99)
    assert one.value == pytest.approx(math.exp(0.2))
    assert one.high == pytest.approx(math.exp(0.2 + T_995_4 * 0.01), rel=1e-6)
    assert one.low == pytest.approx(math.exp(0.2 - T_995_4 * 0.01), rel=1e-6)
    assert one.noise_floor == pytest.approx(math.expm1(T_995_4 * 0.01), rel=1e-6)


def test_a_larger_batch_weighs_more() -> None:
    """Four against four count twice as much as two against two."""
    small = ([1, 1.0001], [math.exp(0.3), math.exp(0.3) * 1.0001])
    large = ([1, 1.0001, 1, 1.0001], [1, 1.0001, 1, 1.0001])
    assert stratified_ratio([small, large], 0.99).value == pytest.approx(math.exp(0.1))


def test_change_of_a_ratio_by_hand() -> None:
    """Four groups of two, 0.02 apart in logarithms: variances 0.0002, standard error 0.02, freedom 4.

    The ratio was e^0.1 and is e^0.3, so it moved by e^0.2.
    """
    groups = [[math.exp(centre - 0.01), math.exp(centre + 0.01)] for centre in (0, 0.1, 1, 1.3)]
    value, low, high = contrast(list(zip((1, -1, -1, 1), groups, strict=True)), 0.99)
    assert value == pytest.approx(math.exp(0.2))
    assert low == pytest.approx(math.exp(0.2 - T_995_4 * 0.02), rel=1e-6)
    assert high == pytest.approx(math.exp(0.2 + T_995_4 * 0.02), rel=1e-6)


def test_change_without_spread_has_no_width() -> None:
    """Bytes do not vary: 3/2 over 2/1 is 0.75, exactly."""
    groups = [(1, [1, 1]), (-1, [2, 2]), (-1, [2, 2]), (1, [3, 3])]
    assert contrast(groups, 0.99) == pytest.approx((0.75, 0.75, 0.75))


def test_intervals_stay_finite() -> None:
    """Instances that differ wildly have an interval that tells nothing, but that can be written down."""
    wild, other = [1.0, 1e100], [1e100, 1.0]
    one, moved = ratio(wild, other, 0.99), contrast([(1, wild), (-1, other), (-1, other), (1, wild)], 0.99)
    many = geometric_mean(wild, 0.99)
    assert many.low is not None
    assert many.high is not None
    for low, high in ((one.low, one.high), moved[1:], (many.low, many.high)):
        assert 0 < low <= high < math.inf
    assert one.noise_floor < math.inf
