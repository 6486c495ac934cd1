"""Verdicts on ratios made by hand, and Holm's adjustment by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.stats.estimate import Ratio
from harness.analysis.stats.verdict import Answer, holm, judge


def made(low: float, value: float, high: float, p_equal: float) -> Ratio:
    """A ratio as given."""
    return Ratio(value, low, high, p_equal, noise_floor=0.01)


def alone(one: Ratio, *, larger_is_better: bool = False) -> Answer:
    """The verdict on a family of one, at 99 % and a margin of 3 %."""
    return judge([one], confidence=0.99, margin=0.03, larger_is_better=larger_is_better)[0]


def test_holm_by_hand() -> None:
    """0.01 * 4, 0.02 * 3, 0.03 * 2, and 0.2 * 1, in the order they came."""
    assert holm([0.02, 0.2, 0.01, 0.03]) == pytest.approx([0.06, 0.2, 0.04, 0.06])


def test_holm_never_falls_along_the_ranks() -> None:
    """0.02 * 1 would be less than 0.015 * 2, which comes before it: it is raised to that."""
    assert holm([0.015, 0.02]) == pytest.approx([0.03, 0.03])


def test_holm_stops_at_one() -> None:
    """A p-value is never more than 1."""
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_holm_of_none_and_of_one() -> None:
    """Nothing to adjust; and a family of one is left as it is."""
    assert holm([]) == []
    assert holm([0.04]) == [0.04]


@given(st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=8))
def test_holm_lies_between_none_and_bonferroni(p_values: list[float]) -> None:
    """Never below the p-value itself, never above Bonferroni's."""
    for plain, adjusted in zip(p_values, holm(p_values), strict=True):
        assert plain <= adjusted <= 1
        assert adjusted <= max(plain, min(1.0, len(p_values) * max(p_values)))


@pytest.mark.parametrize(
    ("one", "answer"),
    [
        (made(0.99, 1.0, 1.01, 0.8), "equivalent"),
        (made(1.005, 1.01, 1.02, 1e-5), "equivalent"),  # surely slower, but by too little to matter
        (made(1.02, 1.05, 1.08, 1e-5), "slower"),
        (made(1.04, 1.05, 1.06, 1e-9), "slower"),
        (made(0.90, 0.93, 0.96, 1e-5), "faster"),
        (made(0.98, 1.02, 1.06, 0.1), "inconclusive"),
        (made(0.90, 1.0, 1.1, 1.0), "inconclusive"),
    ],
)
def test_judge(one: Ratio, answer: Answer) -> None:
    """Wholly within 3 % is equivalent; else wholly on one side of 1 is slower or faster; else nothing."""
    assert alone(one) == answer


def test_more_throughput_is_faster() -> None:
    """Where larger is better the words change sides, and the two that have no side stay."""
    assert alone(made(1.04, 1.1, 1.16, 1e-6), larger_is_better=True) == "faster"
    assert alone(made(0.84, 0.9, 0.95, 1e-6), larger_is_better=True) == "slower"
    assert alone(made(0.99, 1.0, 1.01, 0.9), larger_is_better=True) == "equivalent"
    assert alone(made(0.95, 1.02, 1.1, 0.3), larger_is_better=True) == "inconclusive"


def test_the_margin_is_symmetric_in_ratios() -> None:
    """1 / 1.03 (0.9709) is as far as 1.03: an interval down to 0.9705 is not within the margin."""
    assert alone(made(0.9712, 1.0, 1.0296, 0.5)) == "equivalent"
    assert alone(made(0.9705, 1.0, 1.0296, 0.5)) == "inconclusive"
    assert alone(made(0.9712, 1.0, 1.0304, 0.5)) == "inconclusive"


def test_holm_turns_a_borderline_difference() -> None:
    """A p-value of 0.006 is slower alone; beside two others it must be below 0.01 / 2 or / 3, and is not."""
    borderline = made(1.01, 1.06, 1.11, 0.006)
    sure = made(1.2, 1.3, 1.4, 1e-9)
    assert alone(borderline) == "slower"
    family = [borderline, sure, made(0.9, 1.0, 1.1, 0.9)]
    assert judge(family, confidence=0.99, margin=0.03) == ["inconclusive", "slower", "inconclusive"]


def test_holm_spares_the_last_of_a_sure_family() -> None:
    """A p-value of 0.006 as the greatest of a family is not multiplied: Bonferroni would have turned it."""
    family = [made(1.01, 1.06, 1.11, 0.006), made(1.2, 1.3, 1.4, 1e-9)]
    assert judge(family, confidence=0.99, margin=0.03) == ["slower", "slower"]


def test_confidence_sets_the_level() -> None:
    """A p-value of 0.03 is enough at 95 % and not at 99 %."""
    one = [made(1.01, 1.06, 1.11, 0.03)]
    assert judge(one, confidence=0.95, margin=0.03) == ["slower"]
    assert judge(one, confidence=0.99, margin=0.03) == ["inconclusive"]
