"""Claim 1: every verdict, from parts and sweeps whose answer is known."""

from __future__ import annotations

import pytest

from harness.analysis.stats.break_even import BreakEven
from harness.studies.claims.families import distance

STEADY = (0.99, 1.01, 0.98, 1.02, 1.0, 0.985, 1.015, 1.0)


def parts(verify: float, get: float) -> dict[str, list[float]]:
    """Eight processes that measured about this, in us."""
    return {
        name: [us * one for one in STEADY] for name, us in {"hmac": 1.5, "verify": verify, "get": get}.items()
    }


def meeting(value: float) -> BreakEven:
    """A break-even round trip, with the nearest store at 60 us."""
    return BreakEven(value, value - 20, value + 20, slope=1.0, nearest=60.0)


@pytest.mark.parametrize(
    ("verify", "get", "at", "verdict", "words"),
    [
        (26, 80, -40, "supported", "even at zero (break-even: -40 µs)"),
        (26, 80, 35, "supported", "above 35 µs"),
        (26, 10, 200, "refuted", "below 200 µs"),
        (26, 26, -40, "inconclusive", "do not agree"),
        (26, 80, 60, "inconclusive", "do not agree"),
        (26, 10, -40, "inconclusive", "do not agree"),
    ],
)
def test_verdicts(verify: float, get: float, at: float, verdict: str, words: str) -> None:
    """The parts and whole reads must agree."""
    outcome = distance.judge(parts(verify, get), meeting(at))
    assert outcome.verdict == verdict
    assert words in outcome.because
    ratio = next(figure for figure in outcome.figures if figure.name == "GET / verification")
    assert ratio.value == pytest.approx(get / verify)
    assert ratio.ci is not None


def test_without_a_sweep() -> None:
    """The parts alone decide nothing."""
    assert distance.judge(parts(26, 80), None).verdict == "inconclusive"
