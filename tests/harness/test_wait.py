"""What users wait for: medians, ratios of pairs and what is printed, from clicks made up."""

from __future__ import annotations

from io import StringIO
from typing import cast

from rich.console import Console

from harness.wait import console
from harness.wait.rows import Click, Pair, pairs, waits

HOME, REMEMBERED, EACH_TIME = (
    ("own origin", "none"),
    ("another origin", "remembered"),
    ("another origin", "each time"),
)


def clicks(rounds: int = 9, preflight_ms: float = 5) -> list[Click]:
    """Round n takes 10 + n ms, a token's preflight that much more where it is needed each time."""
    return [
        click(number, scheme, case, preflight_ms)
        for number in range(rounds)
        for scheme in ("token", "cookie")
        for case in (HOME, REMEMBERED, EACH_TIME)
    ]


def click(number: int, scheme: str, case: tuple[str, str], preflight_ms: float) -> Click:
    """One of them."""
    needed = scheme == "token" and case == EACH_TIME
    return Click(
        scheme=scheme,
        origin=case[0],
        preflights=case[1],
        round=number,
        preflights_seen=int(needed),
        answered_ms=10 + number + needed * preflight_ms,
        rendered_ms=30 + number,
    )


def by_name(found: list[Pair]) -> dict[str, Pair]:
    """Pairs by what they ask."""
    return {pair.asks: pair for pair in found}


def test_medians_of_cases() -> None:
    """Nine clicks of 10 to 18 ms: the median is 14, its interval the second and the eighth."""
    rows = waits(clicks())
    assert [(row.origin, row.preflights, row.scheme) for row in rows] == [
        (*HOME, "cookie"),
        (*HOME, "token"),
        (*EACH_TIME, "cookie"),
        (*EACH_TIME, "token"),
        (*REMEMBERED, "cookie"),
        (*REMEMBERED, "token"),
    ]
    first = rows[0]
    assert first.answered_ms is not None
    assert (first.answered_ms.value, first.answered_ms.ci) == (14, (11, 17))
    assert [row.preflights_seen for row in rows] == [0, 0, 0, 9, 0, 0]


def test_pairs_are_of_the_same_round() -> None:
    """A preflight of 5 ms adds 5 ms in every pair, though rounds differ by more than that."""
    found = by_name(pairs(clicks()))
    added = found["preflights each time / remembered, token"]
    assert added.answered_ms is not None
    assert (added.answered_ms.value, added.answered_ms.ci) == (5, (5, 5))
    assert added.verdict == "slower"
    assert found["token / cookie, preflights each time"].verdict == "slower"
    same = found["token / cookie, own origin"]
    assert same.answered_ratio is not None
    assert (same.answered_ratio.value, same.verdict) == (1, "undecided")


def test_less_is_faster() -> None:
    """Whichever of the two is named first."""
    assert by_name(pairs(clicks(preflight_ms=-5)))["token / cookie, preflights each time"].verdict == "faster"


def test_few_clicks_have_no_verdict() -> None:
    """Of five values none bounds the median at 95 %."""
    assert {pair.verdict for pair in pairs(clicks(rounds=5))} == {"too few clicks"}


def test_the_tables_fit_80_columns() -> None:
    """Every case and comparison, with intervals."""
    out = Console(file=StringIO(), width=80)
    console.render(waits(clicks()), pairs(clicks()), out)
    told = cast(StringIO, out.file).getvalue()
    assert "14.0 (11.0 to 17.0)" in told
    assert "5.0 (5.0 to 5.0)" in told
    assert told.count("undecided") == 5
    assert max(map(len, told.splitlines())) <= 80
