"""Figures in report.html are those that golden pictures show, in the light and in the dark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import pytest
from matplotlib.colors import to_rgb
from playwright.sync_api import Browser, Page

from harness.report.charts.parts import style
from harness.report.content.model import Drawing
from tests.browser import browser
from tests.golden import pages, pictures
from tests.golden.figures import GOLDEN
from tests.golden.pages import TOLERANCE, Drawn, apart
from tests.golden.pictures import Pixels

pytestmark = pytest.mark.slow

#: An edge in the light has at least so much of its strength in the dark; faint ones are not looked at.
_KEPT, _FAINT = 1 / 3, 0.1
#: What a dark page's figures are drawn on.
_DARK_PAPER: Final = "#181a1d"
#: What matplotlib fills marks with that are lines and have no inside.
_NEVER_SEEN: Final = "#1f77b4"
#: Figures of different kinds: bars and hatches, events over time, lines.
_KINDS: Final = ("cost", "incidents", "latency")
#: What is drawn where something refers to it, or never.
_ELSEWHERE: Final = ("defs", "clipPath", "pattern")

#: References in a page's figure that lead nowhere, or to more than one element.
_BROKEN: Final = """
(svg) => [...svg.querySelectorAll("*")].flatMap((one) => [...one.attributes])
  .map(({name, value}) => name === "href" ? value.slice(1) : value.match(/^url\\(#(.+)\\)$/)?.[1])
  .filter((id) => id && document.querySelectorAll(`[id="${id}"]`).length !== 1)
"""


@dataclass(frozen=True)
class Shown:
    """A figure, and a page to show it in."""

    drawn: Drawn
    page: Page

    def root(self) -> ET.Element:
        """The SVG, to look into or to change."""
        return ET.fromstring(self.drawn.drawing.svg)  # noqa: S314 - what was drawn here

    def after(self, change: Callable[[ET.Element], None], scheme: str = "light") -> Pixels:
        """What the page shows after a change of the SVG."""
        root = self.root()
        change(root)
        return self.of(replace(self.drawn.drawing, svg=ET.tostring(root, encoding="unicode")), scheme)

    def of(self, drawing: Drawing, scheme: str = "light") -> Pixels:
        """What the page shows of a drawing."""
        pages.show(self.page, drawing)
        return pages.seen(self.page, scheme)

    def texts(self) -> list[str]:
        """The words in the figure that the page shows, line by line, in the order of the alphabet."""
        found = self.page.get_by_role("img").locator("text").all_text_contents()
        return sorted(map(pages.words, found))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all."""
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    """One page for all."""
    with pages.opened(chromium) as opened:
        yield opened


@pytest.fixture(scope="module", params=GOLDEN)
def shown(request: pytest.FixtureRequest, page: Page) -> Shown:
    """One figure after the other."""
    return Shown(pages.drawn(request.param), page)


def test_a_page_shows_what_was_drawn(shown: Shown, tmp_path: Path) -> None:
    """The same picture, the same words; whatever a part refers to is there once.

    Wherever colours differ in the light they differ in the dark.
    """
    drawn, seen = shown.drawn.pixels, shown.of(shown.drawn.drawing)
    if apart(drawn, seen) > TOLERANCE:
        kept = pictures.save(pictures.told(drawn, seen[: len(drawn)]), tmp_path / "told.png")
        pytest.fail(f"report.html shows another figure (drawn, shown, and in red where they differ): {kept}")
    assert shown.texts() == shown.drawn.texts
    assert shown.page.get_by_role("img").evaluate(_BROKEN) == []
    assert _weakest(seen, pages.seen(shown.page, "dark")) >= _KEPT


@pytest.mark.parametrize("shown", ["ratios", "latency", "two_by_two"], indirect=True)
def test_what_vanishes_in_the_dark_is_missed(shown: Shown) -> None:
    """Marks in the colour of the dark paper."""

    def vanish(root: ET.Element) -> None:
        _paint(root, _rarest(root), _DARK_PAPER)

    light = shown.after(vanish)
    assert _weakest(light, pages.seen(shown.page, "dark")) < _KEPT


@pytest.mark.parametrize(
    ("shown", "kind"),
    [("cost", "bars"), ("latency", "lines"), ("instances", "marks")],
    indirect=["shown"],
)
def test_what_is_lost_is_seen(shown: Shown, kind: str) -> None:
    """The last bar, the last line, the last mark."""
    found = {"bars": _bars, "lines": _lines, "marks": _marks}[kind]
    assert apart(shown.drawn.pixels, shown.after(lambda root: _remove(root, found(root)[-1]))) > TOLERANCE


@pytest.mark.parametrize("shown", ["cost"], indirect=True)
def test_a_word_that_is_cut_is_missed(shown: Shown) -> None:
    """The last letter of one label."""

    def cut(root: ET.Element) -> None:
        label = next(one for one in root.iter("text") if one.text)
        label.text = str(label.text)[:-1]

    shown.after(cut)
    assert shown.texts() != shown.drawn.texts


@pytest.mark.parametrize("shown", _KINDS, indirect=True)
def test_another_colour_is_seen(shown: Shown) -> None:
    """Of that which fewest parts have."""

    def repaint(root: ET.Element) -> None:
        rarest = _rarest(root)
        _paint(root, rarest, next(hue.lower() for hue in (style.SKY, style.GREEN) if hue.lower() != rarest))

    assert apart(shown.drawn.pixels, shown.after(repaint)) > TOLERANCE


@pytest.mark.parametrize("shown", ["vitals"], indirect=True)
def test_a_lost_clip_is_seen(shown: Shown) -> None:
    """Where something is drawn that reaches beyond its panel."""

    def free(root: ET.Element) -> None:
        for one in root.iter():
            one.attrib.pop("clip-path", None)

    assert apart(shown.drawn.pixels, shown.after(free)) > TOLERANCE


@pytest.mark.parametrize("shown", ["cost", "incidents"], indirect=True)
def test_a_lost_hatch_is_seen(shown: Shown) -> None:
    """A pattern that nothing leads to any more."""

    def flatten(root: ET.Element) -> None:
        for one in root.iter():
            if one.get("fill", "").startswith("url"):
                one.set("fill", "url(#gone)")

    assert apart(shown.drawn.pixels, shown.after(flatten)) > TOLERANCE
    assert shown.page.get_by_role("img").evaluate(_BROKEN)


def _weakest(light: Pixels, dark: Pixels) -> float:
    """The share that the dark has of an edge in the light, where it has least."""
    there, kept = pages.edges(light), pages.edges(dark)
    clear = there > _FAINT
    return float((kept[clear] / there[clear]).min())


def _rarest(root: ET.Element) -> str:
    """The colour that fewest marks, bars and lines have."""
    every = Counter(
        colour
        for one in [*_marks(root), *_bars(root), *_lines(root)]
        for colour in _colours(one)
        if _is_hue(colour)
    )
    return min(every, key=lambda colour: (every[colour], colour))


def _paint(root: ET.Element, old: str, new: str) -> None:
    for one in root.iter():
        for key in ("fill", "stroke"):
            if one.get(key) == old:
                one.set(key, new)


def _remove(root: ET.Element, one: ET.Element) -> None:
    next(parent for parent in root.iter() if one in list(parent)).remove(one)


def _marks(root: ET.Element) -> list[ET.Element]:
    """What is drawn by reference, in a colour: no ticks."""
    return [one for one in root.iter("use") if any(map(_is_hue, _colours(one)))]


def _bars(root: ET.Element) -> list[ET.Element]:
    """What is filled, and not only shaded."""
    filled = [one for one in _paths(root) if "opacity" not in one.attrib]
    return [
        one for one in filled if one.get("fill", "").startswith("url") or _is_hue(one.get("fill", "none"))
    ]


def _lines(root: ET.Element) -> list[ET.Element]:
    return [
        one
        for one in _paths(root)
        if one.get("fill") == "none" and _is_hue(one.get("stroke", "none")) and "L" in one.get("d", "")
    ]


def _paths(root: ET.Element) -> list[ET.Element]:
    elsewhere = {one for place in _ELSEWHERE for part in root.iter(place) for one in part.iter()}
    return [one for one in root.iter("path") if one not in elsewhere]


def _colours(one: ET.Element) -> list[str]:
    found = [one.get(key, "none") for key in ("stroke", "fill")]
    return [colour for colour in found if colour not in ("none", _NEVER_SEEN)]


def _is_hue(colour: str) -> bool:
    """No black, white or grey, no pattern."""
    return colour.startswith("#") and max(to_rgb(colour)) - min(to_rgb(colour)) > 0.2
