"""What users wait for: means of batches, ratios, verdicts and what is printed, from clicks made up."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import cast

import pytest
from rich.console import Console

from harness.wait import console
from harness.wait.rows import Batch, Click, Mean, Pair, noise, pairs, waits

HOME, REMEMBERED, EACH_TIME = (
    ("own origin", "none"),
    ("another origin", "remembered"),
    ("another origin", "each time"),
)
CASES = (
    *((server, *HOME) for server in ("cookie", "token", "cookie-again", "static")),
    *((server, *place) for server in ("cookie", "token") for place in (REMEMBERED, EACH_TIME)),
)
#: Of Student's t at 99 % with two degrees of freedom: (1 - x) / 2 = 0.005 at x = 9.92484.
T_2 = 9.92484


def batch(factor: float = 1, *, token: float = 1, again: float = 1, rounds: int = 9) -> list[Click]:
    """Round n takes (10 + n) * factor ms; by token, and by the second cookie server, so many times that."""
    slower = {"token": token, "cookie-again": again}
    return [
        Click(
            server=server,
            origin=origin,
            preflights=preflights,
            round=number,
            preflights_seen=int((server, preflights) == ("token", "each time")),
            answered_ms=(10 + number) * factor * slower.get(server, 1),
            rendered_ms=30 + number,
        )
        for number in range(rounds)
        for server, origin, preflights in CASES
    ]


def by_name(batches: Sequence[Batch]) -> dict[str, Pair]:
    """Pairs by what they ask."""
    return {pair.asks: pair for pair in pairs(batches)}


def test_medians_of_batches_are_averaged() -> None:
    """Nine clicks of 10 to 18 ms have the median 14; of three batches it is 14, 28 and 42, the mean 28."""
    rows = waits([batch(factor) for factor in (1, 2, 3)])
    assert [(row.origin, row.preflights, row.server) for row in rows] == [
        *((*HOME, server) for server in ("cookie", "cookie-again", "static", "token")),
        *((*EACH_TIME, server) for server in ("cookie", "token")),
        *((*REMEMBERED, server) for server in ("cookie", "token")),
    ]
    first = rows[0]
    assert first.clicks == 27
    assert first.answered_ms is not None
    assert first.answered_ms.value == 28
    half = T_2 * 14 / 3**0.5  # the standard deviation of 14, 28, 42 is 14
    assert first.answered_ms.ci == pytest.approx((28 - half, 28 + half), rel=1e-5)
    assert [row.preflights_seen for row in rows] == [0, 0, 0, 0, 0, 27, 0, 0]


def test_batches_are_the_unit() -> None:
    """A thousand clicks that agree in each of two batches say no more than the two batches do."""
    batches = [batch(token=factor, rounds=1000) for factor in (1.0, 1.5)]
    found = by_name(batches)["token / cookie, own origin"]
    assert found.answered_ratio is not None
    assert found.answered_ratio.value == pytest.approx(1.5**0.5)
    assert found.verdict == "inconclusive"


def test_pairs_are_of_the_same_round_and_batch() -> None:
    """Twice as slow in every pair, though rounds and batches differ by more than that."""
    found = by_name([batch(factor, token=2) for factor in (1, 5, 9)])
    slow = found["token / cookie, own origin"]
    assert slow.answered_ratio is not None
    assert slow.answered_ratio.value == pytest.approx(2)
    assert slow.verdict == "slower"
    assert slow.answered_ms is not None
    assert slow.answered_ms.value == 14 * 5  # the median is as much as the cookie takes: 14, 70 and 126 ms
    assert found["another origin / own, cookie"].verdict == "equivalent"


def test_less_is_faster() -> None:
    """Whichever of the two is named first."""
    found = by_name([batch(token=factor) for factor in (0.50, 0.51, 0.49, 0.50)])
    assert found["token / cookie, own origin"].verdict == "faster"


def test_verdicts_are_adjusted_for_their_number() -> None:
    """A ratio whose own interval excludes 1 is no verdict yet where seven others go with it."""
    factors = (1.05, 1.06, 1.25, 1.12, 1.19, 1.08)
    found = by_name([batch(token=factor) for factor in factors])["token / cookie, own origin"]
    assert found.answered_ratio is not None
    assert found.answered_ratio.ci is not None
    assert found.answered_ratio.ci[0] > 1
    assert found.verdict == "inconclusive"


def test_one_batch_has_no_verdict() -> None:
    """Nor an interval."""
    found = by_name([batch()])
    assert {pair.verdict for pair in found.values()} == {"not judged"}
    assert found["token / cookie, own origin"].answered_ms == Mean(0, None)
    assert noise([batch()]).floor is None


def test_the_noise_is_that_of_two_servers_of_one_scheme() -> None:
    """Ratios of 1.1, 1 and 1 / 1.1: the interval's half-width is t * s / sqrt(3) in logarithms."""
    quiet = noise([batch(again=factor) for factor in (1.1, 1, 1 / 1.1)])
    assert quiet.floor == pytest.approx(1.1 ** (T_2 / 3**0.5) - 1, rel=1e-5)
    assert not quiet.suspicious
    assert quiet.pair.verdict == "not judged"
    assert noise([batch(again=factor) for factor in (1.100, 1.101, 1.102, 1.099)]).suspicious


def test_the_tables_fit_80_columns() -> None:
    """Every case and comparison, with intervals; the A/A pair among them."""
    out = Console(file=StringIO(), width=80)
    batches = [batch(factor, token=1.2) for factor in (1, 1.001, 0.999)]
    console.render(waits(batches), pairs(batches), noise(batches), out)
    told = cast(StringIO, out.file).getvalue()
    assert "14.0 (13.9 to 14.1)" in told
    assert told.count("slower") == 3
    assert "A/A: cookie / cookie" in told
    assert max(map(len, told.splitlines())) <= 80
