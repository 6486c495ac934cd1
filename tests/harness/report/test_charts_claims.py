"""Figures of claims, from results with a known truth: what they say, and what they leave out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from harness.analysis.stats import sweeps as levels
from harness.report.charts import staleness
from harness.report.charts.parts import style
from harness.report.charts.parts.draw import draw_all, draw_claims, figures
from harness.results.claims import ClaimAnswer
from harness.results.claims import ClaimFigure as Found
from harness.results.environment import SchemeInfo
from harness.results.model import Check, Measurement, Result
from tests.harness.report.test_charts import OF_CLAIMS, overlaps, row_names, shown_texts, texts, whiskers
from tests.harness.sweeps import TRUTHS, Sweeps, Truth

#: A denylist as it would be if asking the store were quicker than checking a signature.
QUICK = Truth(100, 1.0, 50, 7, 0.01, 506, 4 / 3, 144, 0)


@pytest.fixture(autouse=True)
def _style() -> Any:
    with style.applied():
        yield


def drawn(name: str, result: Result) -> Figure:
    """One figure."""
    found = dict(figures())[name](result)
    assert found is not None
    return found


def title(figure: Figure) -> str:
    """What it says on top, however many lines it takes."""
    return " ".join(line.get_text() for line in figure.texts if line.get_fontweight() == "bold")


def of_lifetimes(*, denylist: bool = True) -> ClaimAnswer:
    """An answer to claim 11."""
    found = [Found(name=staleness.DENYLIST, value=19.0, unit="us", ci=(17, 21))] if denylist else []
    for life in (2, 5, 60, 900):
        lived = life < 60
        cost = f"refreshing adds to a read, lifetime {life} s ({'lived' if lived else 'modelled'})"
        stale = f"stale access, lifetime {life} s ({'seen' if lived else 'at most'})"
        found += [
            Found(name=cost, value=400 / life, unit="us", group=staleness.COST, x=life),
            Found(name=stale, value=life, unit="s", group=staleness.STALE, x=life),
        ]
    return ClaimAnswer(
        number=11, says="s", by="b", kind="measured", experiment="e", rule="r", verdict="supported",
        because="b", figures=found,
    )  # fmt: skip


@pytest.mark.parametrize("name", OF_CLAIMS)
@pytest.mark.parametrize(("instances", "noise"), [(1, 0.02), (2, 0.3), (8, 0.0), (8, 0.02)])
def test_nothing_is_cropped_overlaps_or_is_too_small(name: str, instances: int, noise: float) -> None:
    """Every text lies on the page, apart from every other, at 8 points or more: however surely measured."""
    figure = drawn(name, Sweeps(noise=noise, instances=instances).result())
    assert overlaps(figure) == []
    seen = shown_texts(figure)
    assert min(float(text.get_fontsize()) for text in seen) >= 8
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert (box.x0, box.y0) >= (0, 0)
    assert box.x1 <= width
    assert box.y1 <= height


def test_distance_says_that_there_is_no_break_even() -> None:
    """A session is 25 us slower at no distance, and each us of it costs 1.02: they meet at -24.5 us."""
    figure = drawn("distance", Sweeps(noise=0.0001).result())
    assert title(figure) == "A read takes longer with cookie than with token at any store latency"
    assert "cookie: -24.5 µs" in texts(figure)
    assert "token-denylist: -20.0 µs" in texts(figure)
    assert figure.axes[1].get_xlim()[0] < -0.0245  # the place is shown


def test_distance_names_the_break_even_where_there_is_one() -> None:
    """80 us quicker at no distance: they meet at 80 us, which the title says."""
    sweeps = Sweeps(noise=0.0001, truths={**TRUTHS, "token-denylist": QUICK})
    figure = drawn("distance", sweeps.result(sweeps.distances(("token", "token-denylist"))))
    assert title(figure).startswith("token-denylist is as fast as token at an RTT to the store of 80.0 µs")


def test_distance_says_where_it_cannot_tell() -> None:
    """Instances that differ by a third have a break-even to both sides of nothing."""
    figure = drawn("distance", Sweeps(noise=0.3).result())
    assert title(figure).startswith("Inconclusive whether cookie is as fast as token at any RTT")


def test_distance_of_one_instance_marks_nothing() -> None:
    """No interval, no break-even."""
    figure = drawn("distance", Sweeps(instances=1).result())
    assert title(figure) == "Median service time of a read by RTT to the store"


def test_population_says_what_a_session_takes() -> None:
    """Its label; who keeps nothing is in the title, since it has no place on a logarithmic axis."""
    figure = drawn("population", Sweeps().result())
    assert title(figure) == "1,000,000 sessions take 512 MB of store memory with cookie, none with token"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [
        "token: 0 B per session",
        "token-denylist: 144 B per session",
        "cookie: 512 B per session",
    ]


def test_population_tells_whether_a_read_takes_longer() -> None:
    """Over one by token, whatever the machine did meanwhile: here all arms became half as slow again."""
    sweeps = Sweeps(noise=0)
    rows = sweeps.populations()
    few = {row.arm: row for row in rows if (row.metric, row.params["sessions"]) == ("service_p50", 10_000)}

    def of(row: Measurement) -> Measurement:
        if (row.metric, row.params["sessions"]) != ("service_p50", 1_000_000):
            return row
        slower = 1.5 * (1.1 if row.arm == "cookie" else 1.0)
        return row.model_copy(update={"points": [slower * point for point in few[row.arm].points]})

    memory, latency = drawn("population", sweeps.result([of(row) for row in rows])).axes
    assert latency.texts[0].get_text().splitlines() == [
        "From 10,000 to 1,000,000 sessions,",
        "a read relative to token:",
        "token-denylist: +0.0 % (+0.0 % to +0.0 %)",
        "cookie: +10.0 % (+10.0 % to +10.0 %)",
    ]
    assert whiskers(latency) == 9
    assert latency.get_ylim()[0] == 0
    assert memory.get_yscale() == "log"


def test_population_where_all_keep_something_has_nothing_to_hold_a_read_against() -> None:
    """Then what the machine did meanwhile is in it, and the servers of either number differ by themselves."""
    sweeps = Sweeps(noise=0.05)
    _, latency = drawn("population", sweeps.result(sweeps.populations(("token-denylist", "cookie")))).axes
    head, first, *more = latency.texts[0].get_text().splitlines()
    assert (head, first) == ("From 10,000 to 1,000,000 sessions,", "a read takes longer by:")
    for line in more:
        low, high = (float(end) for end in re.findall(r"([+-][0-9.]+) %", line)[1:])
        assert low < 0 < high


def test_population_without_latency_is_memory_alone() -> None:
    """One panel; who keeps nothing has no place in it."""
    sweeps = Sweeps()
    rows = [row for row in sweeps.populations() if row.metric == "store_memory"]
    figure = drawn("population", sweeps.result(rows))
    assert len(figure.axes) == 1
    assert figure.legends[0].get_texts()[0].get_text().startswith("token-denylist")


def test_payload_says_how_requests_grow() -> None:
    """By a third more than the profile, as base64 does; a session's not at all."""
    figure = drawn("payload", Sweeps().result())
    assert title(figure) == "Each byte of payload adds to a request: 1.33 B (token), 0 B (cookie)"


def test_payload_marks_where_a_header_ends() -> None:
    """Of arms whose credential grows: one dotted line in each panel, and the bytes in words."""
    sweeps = Sweeps()
    found = sweeps.longest({"token": 6012, "cookie": levels.PROFILES_TRIED})
    figure = drawn("payload", sweeps.result(sweeps.payloads(), found))
    for panel in figure.axes:
        [mark] = [line for line in panel.lines if line.get_linestyle() == ":"]
        assert list(np.asarray(mark.get_xdata())) == [6012, 6012]
        assert panel.get_xlim()[1] > 6012
    assert "(token 6,012 B)" in " ".join(texts(figure).split())
    assert "Dotted" not in texts(drawn("payload", sweeps.result(sweeps.payloads())))


def test_two_by_two_tells_both_effects() -> None:
    """By hand: sqrt(93 * 98 / (80 * 82)) is 1.1787 and sqrt(82 * 98 / (80 * 93)) is 1.0393."""
    figure = drawn("two_by_two", Sweeps(noise=0).result())
    assert title(figure) == (
        "CPU per read: +17.9 % for a session instead of a token, +3.9 % for a cookie instead of a header"
    )
    assert "session vs token: +17.9 % (+17.9 % to +17.9 %)" in texts(figure)


def test_two_by_two_needs_all_four() -> None:
    """Three arms have no two effects."""
    sweeps = Sweeps()
    result = sweeps.result(sweeps.reads(("token", "cookie", "opaque-bearer")))
    assert dict(figures())["two_by_two"](result) is None


def test_revocation_is_what_a_read_costs_that_asks() -> None:
    """Cheapest first; a token that is checked against a list costs 19 us more, a session's id 13."""
    figure = drawn("revocation", Sweeps(noise=0).result())
    [panel] = figure.axes
    assert row_names(panel) == ["opaque-bearer", "cookie", "token-denylist"]
    assert [text.get_text() for text in panel.texts] == [
        "13.0 µs, 1 store operation",
        "18.0 µs, 1 store operation",
        "19.0 µs, 1 store operation",
    ]
    assert title(figure) == (
        "A revocation check on each read adds 13.0 µs (opaque-bearer) to 19.0 µs (token-denylist) of CPU"
    )


def test_revocation_says_where_asking_costs_nothing_that_can_be_told() -> None:
    """An interval around nothing is told by its ends, and drawn to them."""
    truths = {**TRUTHS, "opaque-bearer": Truth(195, 1.02, 71, 9, 0.002, 111, 0, 544, 1)}
    figure = drawn("revocation", Sweeps(noise=0.05, truths=truths).result())
    assert "adds nothing significant (opaque-bearer) to" in title(figure)
    [panel] = figure.axes
    assert re.match(r"-?[0-9.]+ \(-[0-9.]+ to [0-9.]+\) µs, 1 store operation", panel.texts[0].get_text())
    assert overlaps(figure) == []


def test_revocation_knows_from_the_result_who_asks_the_accounts() -> None:
    """No metric counts that; without a word of it, an arm that asks no store asks nothing."""
    result = Sweeps(noise=0).result()
    declared = SchemeInfo(title="t", transport="cookie", store="none", database="every request")
    environment = result.environment.model_copy(update={"schemes": {"token-cookie": declared}})
    [panel] = drawn("revocation", result.model_copy(update={"environment": environment})).axes
    assert row_names(panel) == ["token-cookie", "opaque-bearer", "cookie", "token-denylist"]
    assert panel.texts[0].get_text() == "2.00 µs, account lookup"


def test_revocation_of_one_that_asks_is_no_figure() -> None:
    """The twins alone are told by the other figures."""
    sweeps = Sweeps()
    assert dict(figures())["revocation"](sweeps.result(sweeps.reads(("token", "cookie")))) is None


def test_staleness_needs_both_groups() -> None:
    """What refreshing costs, and what it leaves open; the denylist is marked where it was measured."""
    figure = staleness.draw_answers([of_lifetimes()])
    assert figure is not None
    assert title(figure).startswith(
        "Refreshing adds 200 µs to a read at a token lifetime of 2 s, 0.444 µs at"
    )
    assert "denylist check on each read" in texts(figure)
    assert overlaps(figure) == []
    bare = staleness.draw_answers([of_lifetimes(denylist=False)])
    assert bare is not None
    assert "denylist" not in texts(bare)
    without = [found for found in of_lifetimes().figures if found.group != staleness.STALE]
    assert staleness.draw_answers([of_lifetimes().model_copy(update={"figures": without})]) is None
    assert staleness.draw_answers([]) is None


def test_staleness_tells_what_was_lived_through_from_what_was_reckoned() -> None:
    """Filled and hollow marks."""
    figure = staleness.draw_answers([of_lifetimes()])
    assert figure is not None
    marks = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [mark.get_markerfacecolor() for mark in marks] == [style.BLUE, style.BLUE, "white", "white"]


@pytest.mark.parametrize("name", OF_CLAIMS)
def test_an_invalid_run_says_so(name: str) -> None:
    """As every figure does."""
    check = Check(check="errors", status="invalid", detail="too many")
    figure = drawn(name, Sweeps().result().model_copy(update={"validity": [check]}))
    assert title(figure).startswith("Invalid run")


def test_pictures_of_claims_name_what_they_are_about(tmp_path: Path) -> None:
    """Files beside the page, each with its claims; without a run only what the answers give."""
    pictures = draw_claims([of_lifetimes()], [Sweeps().result()], tmp_path)
    assert {picture.file: picture.claims for picture in pictures} == {
        "distance.png": (1,),
        "payload.png": (2,),
        "population.png": (2,),
        "revocation.png": (27,),
        "staleness.png": (11,),
        "two_by_two.png": (13,),
    }
    assert all((tmp_path / picture.file).read_bytes().startswith(b"\x89PNG") for picture in pictures)
    assert all((tmp_path / picture.file).with_suffix(".svg").exists() for picture in pictures)
    assert [picture.file for picture in draw_claims([of_lifetimes()], [], tmp_path)] == ["staleness.png"]
    assert draw_claims([], [], tmp_path) == []


@pytest.mark.slow
def test_a_run_of_such_a_suite_draws_them_too(tmp_path: Path) -> None:
    """Not those of answers: a run has none."""
    names = {path.stem for path in draw_all(Sweeps().result(), tmp_path)}
    assert set(OF_CLAIMS) <= names
    assert "staleness" not in names
