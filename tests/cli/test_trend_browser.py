"""The drawing of `bench.py view`'s trends in a real browser: every point is where its figure says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser

from harness.analysis.stats.change_points import Change
from harness.report import html
from harness.report.history.series import History, Point, Series
from harness.report.viewer import pages
from harness.report.viewer.filters import Choice
from harness.report.viewer.result_index import IndexedResults
from tests.browser import browser

pytestmark = pytest.mark.slow

STYLES: Final = (Path(pages.__file__).parent / "static" / "view.css", html.TEMPLATES / "figures.css")
#: Half a line's width, and what rounding adds, in units of the drawing.
NEAR: Final = 1.0
#: Room above and below the outermost intervals, as a share of what they span.
ROOM: Final = 0.3

#: The one panel, and what each series in it shows, as boxes in units of the drawing; what could not be seen
#: fails. A mark has the name of its series in its tooltip; all else of it has the colour of its marks.
BOXES: Final = """
(svg) => {
  const frame = svg.getBoundingClientRect();
  const unit = svg.viewBox.baseVal.width / frame.width;
  const colours = new Set();
  const box = (one) => {
    const {left, right, top, bottom, width, height} = one.getBoundingClientRect();
    const style = getComputedStyle(one);
    const colour = one.matches("use, [fill='#ffffff']") ? style.fill : style.stroke;
    const isSeen = width + height > 0 && style.visibility === "visible" && colour !== "none";
    if (!isSeen) throw new Error(one.outerHTML);
    return {
      left: (left - frame.left) * unit, right: (right - frame.left) * unit,
      top: (top - frame.top) * unit, bottom: (bottom - frame.top) * unit, colour,
    };
  };
  const kinds = {
    interval: "path:not([stroke-dasharray], [stroke-opacity], defs *)",
    change: "path[stroke-dasharray]", level: "path[stroke-opacity]",
  };
  const series = {};
  for (const mark of svg.querySelectorAll("use:has(title)")) {
    (series[mark.textContent.split(",")[0]] ??= []).push(box(mark));
  }
  const [, panel] = svg.querySelectorAll('[fill="#ffffff"]');
  const shown = Object.values(series).map((marks) => Object.fromEntries([
    ["mark", marks],
    ...Object.entries(kinds).map(([kind, selector]) => [
      kind,
      [...svg.querySelectorAll(selector)]
        .filter((one) => getComputedStyle(one).stroke === marks[0].colour).map(box),
    ]),
  ]));
  return [box(panel), ...shown];
}
"""

#: Before and after a change of level, each with an interval of its own width.
COOKIE: Final = [100.0, 102.0, 99.0, 101.0, 121.0, 120.0, 123.0]
TOKEN: Final = [80.0, 79.0, 81.0, 80.5, 79.5, 80.0, 82.0]
HALF: Final = [4.0, 3.0, 5.0, 2.0, 4.0, 3.5, 2.5]
CHANGE: Final = Change(at=4, before=100.5, after=121.3, p_value=0.0001)


def series(arm: str, values: list[float], changes: list[Change]) -> Series:
    """An arm's CPU time from day to day."""
    points = [
        Point(
            run=f"run-{day}",
            started_at=f"2026-11-{day + 1:02d}",
            revision=None,
            value=one,
            ci=(one - w, one + w),
        )
        for day, (one, w) in enumerate(zip(values, HALF, strict=True))
    ]
    about = {"scenario": "steady", "load": "open", "params": {}, "metric": "total_cpu", "unit": "us/req"}
    return Series.model_validate(about | {"arm": arm, "over": None, "points": points, "changes": changes})


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all."""
    with browser() as started:
        yield started


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_every_point_is_where_its_figure_says(chromium: Browser, width: int, scheme: Any) -> None:
    """Marks, intervals, levels and changes: as many as there are, to one scale, within the panel."""
    history = History(
        runs=7, left_out=[], series=[series("cookie", COOKIE, [CHANGE]), series("token", TOKEN, [])]
    )
    with chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
        page.set_content(pages.trends(history, IndexedResults([], [], {}, {}), Choice({})))
        for style in STYLES:
            page.add_style_tag(path=style)
        [drawn] = page.get_by_role("img").all()
        panel, cookie, token = drawn.evaluate(BOXES)

    def scaled(value: float) -> float:
        """How far below the upper edge of the page a figure stands."""
        lowest, highest = TOKEN[4] - HALF[4], COOKIE[6] + HALF[6]
        room = ROOM * (highest - lowest)
        share = (highest + room - value) / (highest - lowest + 2 * room)
        return float(panel["top"] + share * (panel["bottom"] - panel["top"]))

    assert [len(token[kind]) for kind in ("mark", "interval", "change", "level")] == [7, 7, 0, 0]
    assert [len(cookie[kind]) for kind in ("mark", "interval", "change", "level")] == [7, 7, 1, 2]
    for values, found in ((COOKIE, cookie), (TOKEN, token)):
        marks, bars = found["mark"], found["interval"]
        assert [place(one) for one in marks] == sorted(place(one) for one in marks)
        assert {one["colour"] for kind in found.values() for one in kind} == {marks[0]["colour"]}
        for value, half, mark, bar in zip(values, HALF, marks, bars, strict=True):
            assert level(mark) == pytest.approx(scaled(value), abs=NEAR)
            assert bar["top"] == pytest.approx(scaled(value + half), abs=NEAR)
            assert bar["bottom"] == pytest.approx(scaled(value - half), abs=NEAR)
            assert place(bar) == pytest.approx(place(mark), abs=NEAR)
    assert [place(one) for one in cookie["mark"]] == pytest.approx(
        [place(one) for one in token["mark"]], abs=NEAR
    )
    before, after = (place(one) for one in cookie["mark"][3:5])
    assert place(cookie["change"][0]) == pytest.approx((before + after) / 2, abs=NEAR)
    for one, height in zip(cookie["level"], (CHANGE.before, CHANGE.after), strict=True):
        assert level(one) == pytest.approx(scaled(height), abs=NEAR)
    assert cookie["mark"][0]["colour"] != token["mark"][0]["colour"]
    for one in (one for found in (cookie, token) for kind in found.values() for one in kind):
        assert panel["left"] - NEAR <= one["left"] <= one["right"] <= panel["right"] + NEAR
        assert panel["top"] - NEAR <= one["top"] <= one["bottom"] <= panel["bottom"] + NEAR


def place(box: dict[str, Any]) -> float:
    """Where the middle of a box is, from the left."""
    return float(box["left"] + box["right"]) / 2


def level(box: dict[str, Any]) -> float:
    """Where the middle of a box is, from above."""
    return float(box["top"] + box["bottom"]) / 2
