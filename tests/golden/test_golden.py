"""Every figure looks as it did when somebody last looked at it, and would be seen not to."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import Collection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from scipy.ndimage import uniform_filter

from harness.report import charts
from harness.report.charts.parts import style
from tests.golden import pictures
from tests.golden.figures import GOLDEN
from tests.golden.pictures import TOLERANCE, Pixels, apart
from tests.harness.report.test_charts import shown_texts

NAMES = list(GOLDEN)


@pytest.fixture(autouse=True)
def _drawing() -> Iterator[None]:
    with pictures.drawing():
        yield


def golden(name: str) -> Pixels:
    """The stored picture."""
    file = pictures.path(name)
    assert file.exists(), f"{name} has no golden picture. Make it: python -m tests.golden {name}"
    return pictures.load(file)


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_looks_as_it_did(name: str, tmp_path: Path) -> None:
    """But for what another build of FreeType or libpng may draw a little differently."""
    then, now = golden(name), pictures.drawn(laid_out(name))
    if apart(then, now) > TOLERANCE:
        kept = pictures.save(pictures.told(then, now), tmp_path / f"{name}.png")
        pytest.fail(
            f"{name} looks different (then, now, and in red where): {kept}\n"
            f"If it is better so: python -m tests.golden {name}"
        )


def test_every_figure_has_a_golden_picture() -> None:
    """A module of `harness/report/charts/` that opens a page, itself or by `rows.chart`, is a figure."""
    folder = Path(charts.__file__).parent
    drawing = {file.stem for file in folder.glob("*.py") if _opens_a_page(file)}
    assert "cost" in drawing
    missing = sorted(drawing - {one.module for one in GOLDEN.values()})
    assert missing == [], "add a row to GOLDEN in tests/golden/figures.py, then: python -m tests.golden"


def _opens_a_page(file: Path) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("open_page", "open_page_of_several", "chart")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    )


def test_every_golden_picture_is_of_a_figure() -> None:
    """None is left of a figure that went, and all are small."""
    files = {file.stem: file for file in pictures.FOLDER.iterdir()}
    assert sorted(files) == sorted(NAMES)
    assert max(file.stat().st_size for file in files.values()) < 60_000


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_another_rasteriser_is_no_other_figure(name: str) -> None:
    """Edges softer or sharper, everything a pixel further: no eye would tell."""
    then = golden(name)
    smooth = uniform_filter(then, size=(3, 3, 1))
    softer, sharper = 0.75 * then + 0.25 * smooth, np.clip(1.5 * then - 0.5 * smooth, 0, 1)
    assert apart(then, np.roll(softer, (1, 1), (0, 1))) <= TOLERANCE
    assert apart(then, np.roll(sharper, (-1, -1), (0, 1))) <= TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_lost_label_or_another_colour_is_another_figure(name: str) -> None:
    """The smallest text that can be seen; the colour that fewest marks, bars and lines have."""
    figure = laid_out(name)
    laid_out.cache_clear()  # what comes here changes it
    smallest = min(shown_texts(figure), key=_area)
    smallest.set_visible(False)
    assert apart(golden(name), pictures.drawn(figure)) > TOLERANCE, smallest.get_text()
    smallest.set_visible(True)
    assert apart(golden(name), pictures.drawn(figure)) <= TOLERANCE
    by_colour: dict[str, list[Line2D | Patch | Collection]] = {}
    for panel in figure.axes:
        drawn: list[Line2D | Patch | Collection] = [*panel.lines, *panel.patches, *panel.collections]
        for one in drawn:
            by_colour.setdefault(_colour(one), []).append(one)
    rarest = min(filter(_is_hue, by_colour), key=lambda colour: (len(by_colour[colour]), colour))
    for one in by_colour[rarest]:
        one.set_color(next(hue for hue in (style.SKY, style.GREEN) if to_hex(hue) != rarest))
    assert apart(golden(name), pictures.drawn(figure)) > TOLERANCE, rarest


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_another_value_is_another_figure(name: str) -> None:
    """One figure a few per cent off."""
    one = GOLDEN[name]
    assert apart(golden(name), pictures.drawn(one.figure(one.value))) > TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_swapped_arms_are_another_figure(name: str) -> None:
    """Each has the other's figures."""
    one = GOLDEN[name]
    assert apart(golden(name), pictures.drawn(one.figure(one.swap))) > TOLERANCE


def test_what_differs_is_told_in_red(tmp_path: Path) -> None:
    """Both pictures and where they differ, one above the other; of other sizes just both."""
    white = np.ones((40, 60, 3), np.float32)
    marked = white.copy()
    marked[10:16, 20:26] = 0
    shown = pictures.load(pictures.save(pictures.told(white, marked), tmp_path / "told.png"))
    assert shown.shape == (3 * 44, 60, 3)
    assert pictures.apart(white, shown[:40]) == 0
    assert pictures.apart(marked, shown[44:84]) == 0
    red, _, blue = shown[88 + 13, 23]
    assert red > 2 * blue
    assert tuple(shown[88 + 35, 50]) == (1, 1, 1)
    assert pictures.told(white, white[:30]).shape == (44 + 34, 60, 3)
    assert apart(white, white[:30]) == 1


@functools.cache
def laid_out(name: str) -> Figure:
    """A figure as it was drawn, made once for all tests; what is taken from it now moves nothing else."""
    figure = GOLDEN[name].figure()
    pictures.drawn(figure)
    figure.set_layout_engine("none")
    return figure


def _area(text: Text) -> float:
    box = text.get_window_extent()
    return float(box.width * box.height)


def _colour(one: Line2D | Patch | Collection) -> str:
    if isinstance(one, Line2D):
        return to_hex(one.get_color())
    if isinstance(one, Patch):
        return to_hex(one.get_facecolor())
    colours: Any = one.get_facecolor() if len(one.get_facecolor()) else one.get_edgecolor()
    return to_hex(colours[0])


def _is_hue(colour: str) -> bool:
    """No black, white or grey."""
    return max(to_rgb(colour)) - min(to_rgb(colour)) > 0.2
