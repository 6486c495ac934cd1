"""Growth, told from made-up series: what is a leak, and what only looks like one."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from harness.analysis.growth import DESCRIPTORS, MEMORY, THREADS, Growth, growths, settled_from
from harness.results.model import Vitals

Curve = Callable[[float], float]
#: Twenty minutes, looked at every five seconds.
MINUTES_20 = [5.0 * look for look in range(241)]
END = MINUTES_20[-1]


def vitals(
    rss: Curve = lambda _: 50.0,
    descriptors: Curve = lambda _: 30,
    threads: Curve = lambda _: 5,
    at_s: list[float] = MINUTES_20,
) -> Vitals:
    """What a process held over time: memory in MB, descriptors, threads."""
    return Vitals(
        scenario="journey",
        load="open, 600/s constant",
        process="cookie #3",
        arm="cookie",
        at_s=at_s,
        rss=[round(rss(t) * 1e6) for t in at_s],
        descriptors=[round(descriptors(t)) for t in at_s],
        threads=[round(threads(t)) for t in at_s],
    )


def found(row: Vitals) -> dict[str, Growth]:
    """The growth of every quantity, by name."""
    return {one.quantity.name: one for one in growths(row, 0.99)}


def memory(rss: Curve) -> Growth:
    """The growth of memory alone."""
    return found(vitals(rss))[MEMORY.name]


def noise(size: float) -> Curve:
    """Independent normal noise."""
    dice = random.Random(7)  # noqa: S311 - a reproducible series, not a secret
    return lambda _: dice.gauss(0, size)


def test_a_straight_line_is_measured_exactly() -> None:
    """50 MB at the start and 1 kB a second: 0.8 MB over the 800 s after the warm-up, around 50.8 MB."""
    one = memory(lambda t: 50 + t / 1000)
    assert settled_from(vitals()) == 400
    assert one.gain == pytest.approx(0.8e6)
    assert one.low == pytest.approx(0.8e6)
    assert one.high == pytest.approx(0.8e6)
    assert one.level == pytest.approx(50.8e6)
    assert one.share == pytest.approx(0.8 / 50.8)


BREATH = noise(0.5)
LEVEL: dict[str, Curve] = {
    "level": lambda _: 50,
    "noisy": lambda t: 50 + BREATH(t),
    "warms up by a third": lambda t: 50 + 16 * (1 - math.exp(-t / 180)),
    "steps up by a tenth, early": lambda t: 50 if t < 500 else 55,
    "steps up by a tenth, half-way": lambda t: 50 if t < 800 else 55,
    "steps up by a tenth, late": lambda t: 50 if t < 1100 else 55,
    "breathes by a tenth": lambda t: 50 + 5 * math.sin(t / 40),
    "saws": lambda t: 50 + 5 * (t % 200) / 200,
    "a burst": lambda t: 80 if 700 < t < 760 else 50,
    "shrinks": lambda t: 60 - 10 * t / END,
    "grows by 2 %": lambda t: 50 + 1.5 * t / END,
    "is large and grows by 4 %": lambda t: 200 + 12 * t / END,
    "is small and grows by little": lambda t: 7 + 1.5 * t / END,
}
LEAKS: dict[str, Curve] = {
    "by a tenth": lambda t: 50 + 8 * t / END,
    "by a tenth, under noise": lambda t: 50 + 8 * t / END + BREATH(t),
    "by a tenth, while it breathes": lambda t: 50 + 8 * t / END + 2 * math.sin(t / 40),
    "in steps of an allocator": lambda t: 50 + 2 * (t // 200),
    "from half-way on": lambda t: 50 if t < 600 else 50 + 20 * (t - 600) / 600,
    "ever faster": lambda t: 50 + 20 * (t / END) ** 2,
    "though small": lambda t: 7 + 4 * t / END,
}


@pytest.mark.parametrize("curve", LEVEL.values(), ids=LEVEL)
def test_what_does_not_keep_growing_is_no_leak(curve: Curve) -> None:
    """Warming up, steps, bursts, breath and noise: no wolf."""
    assert not memory(curve).leaks


@pytest.mark.parametrize("curve", LEAKS.values(), ids=LEAKS)
def test_what_keeps_growing_leaks(curve: Curve) -> None:
    """However it grows."""
    assert memory(curve).leaks


DICE = random.Random(3)  # noqa: S311 - a reproducible series, not a secret
COUNTS: dict[str, tuple[Curve, bool]] = {
    "level": (lambda _: 30, False),
    "one more, once": (lambda t: 30 if t < 700 else 31, False),
    "eight more, once": (lambda t: 30 if t < 1000 else 38, False),
    "come and go": (lambda _: 30 + DICE.randrange(5), False),
    "fewer": (lambda t: 40 - t // 200, False),
    "one more every five minutes": (lambda t: 30 + t // 300, True),
    "one more a minute": (lambda t: 30 + t // 60, True),
    "of thousands, three more": (lambda t: 5000 + t // 300, True),
}


@pytest.mark.parametrize(("curve", "leaks"), COUNTS.values(), ids=COUNTS)
def test_descriptors_and_threads_may_not_keep_growing_at_all(curve: Curve, leaks: bool) -> None:
    """Few or many, as long as there is more than one step: no share is allowed."""
    grown = found(vitals(descriptors=curve))
    assert grown[DESCRIPTORS.name].leaks is leaks
    assert not grown[THREADS.name].leaks
    grown = found(vitals(threads=curve))
    assert not grown[DESCRIPTORS.name].leaks


def test_threads_that_pile_up_leak() -> None:
    """One more every five minutes."""
    grown = found(vitals(threads=lambda t: 5 + t // 300))
    assert [name for name, one in grown.items() if one.leaks] == [THREADS.name]


def test_too_few_looks_tell_nothing() -> None:
    """Twenty after the warm-up are needed, whatever was seen."""
    assert growths(vitals(lambda t: 50 + t, at_s=MINUTES_20[:29]), 0.99) == []
    assert len(growths(vitals(lambda t: 50 + t, at_s=MINUTES_20[:30]), 0.99)) == 3
    nothing = vitals(at_s=[])
    assert growths(nothing, 0.99) == []
