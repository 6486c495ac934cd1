"""The figure of incidents: a panel an incident and arm, what it shows, and that all of it can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from harness.measure.incidents.metrics import incidents
from harness.measure.incidents.record import IncidentRecord
from harness.protocol.incidents import Event, ProbeRecord
from harness.report.charts.parts import style
from harness.report.charts.parts.draw import figures
from harness.results.model import Check, Result
from tests.harness.incidents import lived, revoked
from tests.harness.report.test_charts import overlaps, shown_texts, texts

STORED = Path(__file__).parents[1] / "data" / "result.json"
LONG = "token-that-asks-the-store-whether-it-was-revoked-meanwhile"
WELL = {number: {"ok": 1} for number in range(120)}
AWAY = WELL | {number: {"503": 2} for number in range(40, 60)} | {60: {"401": 1, "login": 1}}


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with style.applied():
        yield


def result(*happened: IncidentRecord) -> Result:
    """A run of these incidents and nothing else."""
    stored = Result.model_validate_json(STORED.read_text())
    rows = [row for one in happened for row in incidents(one)]
    empty = {"measurements": [], "comparisons": [], "distributions": [], "incidents": rows}
    return stored.model_copy(update=empty)


def outage(*arms: str) -> IncidentRecord:
    """The first of these arms fares well, the others do not."""
    return lived({arm: AWAY if number else WELL for number, arm in enumerate(arms)})


def revocation(*arms: str) -> IncidentRecord:
    """One account an arm, refused at the last of them."""
    seen = dict.fromkeys(arms, WELL)
    seen[arms[-1]] = {number: {"ok": 1, "401 revoked": 1} for number in range(120)}
    watching = [ProbeRecord(arm, "revoked", (3_000_000_000,), ("ok",)) for arm in arms]
    return lived(seen, events=[revoked(arm) for arm in arms], kind="revocation", watching=watching)


def drawn(shown: Result) -> Figure:
    """The figure, which must apply."""
    figure = dict(figures())["incidents"](shown)
    assert figure is not None
    return figure


def heights(panel: Axes) -> dict[str, float]:
    """How high the stack of each colour is at its highest, from its own bottom."""
    found = {}
    for stack in panel.collections:
        assert isinstance(stack, PolyCollection)
        ends = np.asarray(stack.get_paths()[0].vertices, dtype=float)[:, 1]
        colour: Any = stack.get_facecolor()
        found[to_hex(colour[0])] = float(ends.max() - ends.min())
    return found


def test_a_run_without_incidents_has_no_such_figure() -> None:
    """As most have none."""
    assert dict(figures())["incidents"](Result.model_validate_json(STORED.read_text())) is None


def test_other_figures_have_nothing_of_incidents_to_show() -> None:
    """They are of measurements, and are left out."""
    shown = result(outage("token", "cookie"))
    assert [name for name, draw in figures() if draw(shown) is not None] == ["incidents"]


def test_each_arm_has_a_panel_with_what_its_requests_came_to() -> None:
    """A read each 50 ms is 20 a second; where the store is away 40 fail, and one login is 4 in a quarter."""
    figure = drawn(result(outage("token", "cookie")))
    token, cookie = figure.axes
    assert (token.get_ylabel(), cookie.get_ylabel()) == ("token", "cookie")
    assert heights(token) == {to_hex("#D9D9D9"): 20}
    away = heights(cookie)
    assert away[to_hex(style.VERMILLION)] == 40
    assert away[to_hex(style.ORANGE)] == pytest.approx(20 + 4), "on top of reads and the login"


def test_events_are_lines_in_every_panel_and_named_once() -> None:
    """At their moments."""
    figure = drawn(result(outage("token", "cookie")))
    for panel in figure.axes:
        assert [float(np.asarray(line.get_xdata())[0]) for line in panel.lines] == [2, 3]
    said = texts(figure).splitlines()
    assert (said.count("store killed"), said.count("store back")) == (1, 1)


def test_the_title_names_who_fared_well() -> None:
    """Or nobody, where all did or none."""
    assert "No request failed with token in" in texts(drawn(result(outage("token", "cookie"))))
    assert "No request failed" not in texts(drawn(result(outage("token"))))
    assert "No request failed" not in texts(drawn(result(revocation("token", "cookie"))))


def test_an_invalid_run_says_so() -> None:
    """In place of what it found."""
    shown = result(outage("token", "cookie"))
    check = Check(check="answers", status="invalid", detail="3 failures")
    said = texts(drawn(shown.model_copy(update={"validity": [check]})))
    assert "INVALID" in said
    assert "No request failed" not in said


LATE = (Event(5_500_000_000, "store killed"), Event(5_900_000_000, "store back, empty", restores=True))


@pytest.mark.parametrize(
    "happened",
    [
        [outage("token", "cookie")],
        [outage("token", LONG, "cookie"), revocation("token", "cookie")],
        [outage("token"), revocation("token", "cookie", LONG), outage("cookie")],
        [lived({"token": WELL, "cookie": AWAY}, events=LATE), revocation("token")],
        [lived({"cookie": {45: {"timeout": 3, "login 503": 2, "not sent": 4, "wrong answer: x": 1}}})],
    ],
    ids=["one", "two", "three", "late events", "all that can go wrong"],
)
def test_nothing_is_cropped_overlaps_or_is_too_small(happened: list[IncidentRecord]) -> None:
    """Every text lies on the page, apart from every other, at 8 points or more."""
    figure = drawn(result(*happened))
    assert overlaps(figure) == []
    assert min(float(text.get_fontsize()) for text in shown_texts(figure)) >= 8
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= width
    assert box.y1 <= height


def test_incidents_of_fewer_arms_leave_no_empty_panels() -> None:
    """Three in one column, two in the other, one in the next."""
    one = drawn(result(outage("token", "cookie", LONG), revocation("token", "cookie"), outage("token")))
    assert len(one.axes) == 6
