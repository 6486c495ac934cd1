"""What users wait for: means of batches, ratios, verdicts and what is printed, from clicks made up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Self, cast

import pytest
from matplotlib.figure import Figure
from rich.console import Console

from harness.analysis.click_latency import Batch, Click, Mean, Pair, as_meant, noise, pairs, waits
from harness.errors import EnvironmentFailedError, SuiteError
from harness.report.charts.parts import style
from harness.report.charts.waits import figure
from harness.results.archive import WAIT_FILE
from harness.results.environment import Git
from harness.studies.browser import console, driver, file, run
from harness.studies.browser.file import Measured, WaitPlan
from harness.studies.lab import LabSetting
from tests.harness.report.test_charts import overlaps

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
            received_ms=(4 + number) * factor * slower.get(server, 1),
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


def test_verdicts_are_on_what_is_in_the_page() -> None:
    """What arrives in half the time is told apart, and no verdict where the page has it no sooner."""
    early = [
        click.model_copy(update={"received_ms": click.received_ms / 2}) if click.server == "token" else click
        for click in batch()
    ]
    found = by_name([early] * 3)["token / cookie, own origin"]
    assert found.received_ratio is not None
    assert found.received_ratio.value == pytest.approx(0.5)
    assert found.received_ms is not None
    assert found.received_ms.value == -4  # half of the median, 8 ms
    assert found.answered_ratio is not None
    assert found.answered_ratio.value == 1
    assert found.verdict == "equivalent"


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


def test_a_preflight_that_was_forgotten_spoils_its_click_only() -> None:
    """What should have been remembered and was not is left out, in its pairs as well."""
    whole = [batch(token=2), batch(token=2)]
    late = [
        click.model_copy(update={"preflights_seen": 1, "answered_ms": 1000.0})
        if (click.case, click.round) == (("token", *REMEMBERED), 4)
        else click
        for click in whole[0]
    ]
    clicks = as_meant([late, whole[1]])
    assert [len(whole[n]) - len(clicks[n]) for n in (0, 1)] == [1, 0]
    [row] = [row for row in waits(clicks) if (row.server, row.preflights) == ("token", "remembered")]
    assert (row.clicks, row.preflights_seen) == (17, 0)
    compared = by_name(clicks)["token / cookie, another origin"]
    assert compared.answered_ratio is not None
    assert compared.answered_ratio.value == pytest.approx(2)
    assert sum(click.preflights_seen for click in clicks[0]) == 9  # those of each time are as meant


def test_a_case_without_clicks_has_no_figures() -> None:
    """A browser that forgot every preflight tells nothing of those that it remembers."""
    found = by_name([[click for click in batch() if click.case != ("token", *REMEMBERED)]] * 2)
    lost = found["token / cookie, another origin"]
    assert (lost.answered_ratio, lost.answered_ms, lost.verdict) == (None, None, "not judged")
    assert found["token / cookie, own origin"].verdict == "equivalent"


def test_a_longer_batch_is_waited_for_longer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As many rounds as the command takes end within the patience for them."""
    given: list[tuple[int, float]] = []

    class Lab:
        def __init__(self, *_: object) -> None: ...

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def digest(self) -> str:
            return "abc"

    def made(*told: Any, rounds: int, **_: int) -> tuple[str, list[Click]]:
        given.append((rounds, told[-1]))
        return "156.0", []

    monkeypatch.setattr(run, "Lab", Lab)
    monkeypatch.setattr(driver, "run_experiment", made)
    for rounds in (1, 100):
        run._batch(rounds, 1, tmp_path, Console(file=StringIO()))
    (_, short), (_, long) = given
    assert long - short == 99 * 30


HERE = LabSetting(servers="abc", cpu="A", cores=2, python="CPython 3")
GIT = Git(revision="0" * 40, dirty=False)


def test_every_click_is_kept(tmp_path: Path) -> None:
    """Those that are left out, too; where and of what; the same figures are made from them again."""
    batches = [Measured(HERE, "156.0", batch(factor, token=2)) for factor in (1, 2)]
    plan = WaitPlan(batches=2, rounds=9, seed=3)
    text = file.save(tmp_path, plan, GIT, "2026-01-02T00:00:00+00:00", batches)
    assert (tmp_path / WAIT_FILE).read_text() == text
    told = json.loads(text)
    again = [[Click.model_validate(click) for click in one] for one in told["clicks"]]
    assert again == [one.clicks for one in batches]
    assert (told["setting"], told["git"], told["browser"]) == (HERE.model_dump(), GIT.model_dump(), "156.0")
    assert (told["batches"], told["rounds"], told["seed"], told["dropped"]) == (2, 9, 3, 0)
    assert [row["verdict"] for row in told["pairs"]] == [pair.verdict for pair in pairs(again)]
    with pytest.raises(SuiteError, match=r"holds wait\.json already"):
        file.prepare(tmp_path, plan)


@pytest.mark.parametrize(
    "other",
    [Measured(HERE, "157.0", batch()), Measured(HERE.model_copy(update={"servers": "d"}), "156.0", batch())],
)
def test_batches_of_two_browsers_or_codes_are_not_averaged(tmp_path: Path, other: Measured) -> None:
    """What was kept before stays as it is."""
    first, plan = Measured(HERE, "156.0", batch()), WaitPlan(batches=2, rounds=9, seed=1)
    before = file.save(tmp_path, plan, GIT, "", [first])
    with pytest.raises(EnvironmentFailedError, match="has changed between two batches: measure again"):
        file.save(tmp_path, plan, GIT, "", [first, other])
    assert (tmp_path / WAIT_FILE).read_text() == before


def test_the_tables_fit_80_columns() -> None:
    """Every case and comparison, with intervals; the A/A pair among them."""
    out = Console(file=StringIO(), width=80)
    batches = [batch(factor, token=1.2) for factor in (1, 1.001, 0.999)]
    console.render(waits(batches), pairs(batches), noise(batches), out)
    told = cast(StringIO, out.file).getvalue()
    assert "14.00 ± 0.08" in told
    assert told.count("slower") == 3
    assert "until received" in told
    assert "8.000 ± 0.046" in told
    assert "9.600 ± 0.055" in told
    assert "…" not in told
    assert "A/A: cookie / cookie" in told
    assert max(map(len, told.splitlines())) <= 80


def test_two_batches_that_differ_wildly_still_fit() -> None:
    """Their intervals end beyond all that has a meaning, and names stay whole words."""
    out = Console(file=StringIO(), width=80)
    batches = [batch(token=factor, again=factor) for factor in (0.1, 30)]
    console.render(waits(batches), pairs(batches), noise(batches), out)
    told = cast(StringIO, out.file).getvalue()
    assert "1e+" in told
    assert "…" not in told
    assert all(word in told for word in ("until", "answered", "token", "cookie", "origin", "inconclusive"))
    assert max(map(len, told.splitlines())) <= 80


def drawn(batches: Sequence[Batch]) -> Figure:
    """What these clicks come to."""
    with style.applied():
        return figure(waits(batches), pairs(batches), noise(batches), "how it was measured")


def test_the_figure_says_who_waits_longer() -> None:
    """Its title by where the page is, its panels case by case and pair by pair; nothing overlaps."""
    found = drawn([batch(factor, token=1.2) for factor in (1, 1.001, 0.999)])
    title = found.texts[0].get_text()
    assert title.startswith("Click-to-response latency, token vs cookie: own origin slower (1.200")
    cases, compared = found.axes
    assert len(cases.get_yticks()) == 8
    assert [label.get_text() for label in compared.get_yticklabels()][-1].startswith("A/A")
    assert sum("slower" in text.get_text() for text in compared.texts) == 3
    assert overlaps(found) == []


def test_a_figure_of_servers_that_differ_by_themselves_compares_nothing() -> None:
    """It says so in the place of a finding."""
    found = drawn([batch(again=factor) for factor in (1.100, 1.101, 1.102, 1.099)])
    assert found.texts[0].get_text().startswith("Two servers of one scheme differ by more than chance")


def test_a_figure_of_one_batch_has_no_comparisons() -> None:
    """There is no interval to judge by."""
    found = drawn([batch()])
    assert len(found.axes) == 1
    assert found.texts[0].get_text() == "Click-to-response latency"
