"""By how much another machine's clock is ahead, and how wrong that may be."""

from loadtests.distributed.clock import Clock, Reading, best


def test_an_answer_is_taken_to_be_from_the_middle() -> None:
    """Asked at 1000, told 5100 and heard at 1200: from 1100, so 4000 ahead, give or take 100."""
    assert Reading.of(1000, 5100, 1200) == Reading(4000, 100)


def test_the_truth_lies_within_the_error() -> None:
    """Whichever way took the whole time."""
    for there, back in (300, 0), (0, 300), (100, 200):
        reading = Reading.of(1000, 1000 + there + 7777, 1000 + there + back)
        assert abs(reading.ahead_ns - 7777) <= reading.error_ns == 150


def test_the_fastest_of_several_looks_counts() -> None:
    """It has the smallest error."""
    clock = Clock([best([Reading(90, 50), Reading(100, 10), Reading(70, 80)])])
    assert (clock.ahead_ns, clock.error_ns, clock.drift_ns) == (100, 10, 0)


def test_a_clock_that_moves_was_off_by_as_much() -> None:
    """From 100 to 130 within 20, then to 125 within 5: at worst 50 off, in all 25 away."""
    clock = Clock([Reading(100, 10), Reading(130, 20), Reading(125, 5)])
    assert (clock.ahead_ns, clock.error_ns, clock.drift_ns) == (125, 50, 25)
