"""Figures as report.html shows them, in a real browser, and what matplotlib's own rasteriser makes of them.

Systems have other fonts, so no text is in either picture: texts are compared as words.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final
from unittest import mock

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from PIL import Image
from playwright.sync_api import Browser, Page
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

from harness.report import html
from harness.report.charts.parts import vector
from harness.report.content.model import Drawing, report
from tests.golden import pictures, results
from tests.golden.figures import GOLDEN
from tests.golden.pictures import DPI, Pixels

#: How far apart a figure and what a page shows of it may be. `test_pages.py` tries what has to be farther.
TOLERANCE: Final = 0.1
#: Drawn so many times as large and then averaged: rasterisers set a mark on a whole pixel, each on its own.
_TIMES: Final = 3
#: Where in the arguments of a renderer's `draw_text` the text is.
_TEXT: Final = 4
#: Pixels over which differences are averaged, so that a line which lies a little aside is none.
_BLUR: Final = 2.0

#: Lays the figure into the upper left corner, above all else, as wide as the picture it is compared with.
_ARRANGE: Final = """
(svg, width) => {
  const corner = {position: "fixed", left: 0, top: 0, zIndex: 9};
  Object.assign(svg.style, {...corner, width: `${width}px`, maxWidth: "none"});
  svg.querySelectorAll("text").forEach((text) => { text.style.visibility = "hidden"; });
}
"""


@dataclass(frozen=True)
class Drawn:
    """A figure, laid out once: for a page, and drawn by matplotlib.

    Attributes:
        drawing: What a page holds.
        pixels: The picture of it, without text.
        texts: The words that are missing in the picture, line by line, in the order of the alphabet.
    """

    drawing: Drawing
    pixels: Pixels
    texts: list[str]


def drawn(name: str) -> Drawn:
    """A figure of `GOLDEN`."""
    texts: list[str] = []

    def note(*arguments: Any, **_: Any) -> None:
        texts.append(words(arguments[_TEXT]))

    with pictures.drawing():
        figure = GOLDEN[name].figure()
        drawing = vector.inline(figure, name, name)
        figure.set_layout_engine("none")
        with mock.patch.object(RendererAgg, "draw_text", note):
            pixels = _rasterised(figure)
    return Drawn(drawing, pixels, sorted(texts))


def words(text: str) -> str:
    """A text as a browser shows it: no more than one space between words."""
    return " ".join(text.split())


def _rasterised(figure: Figure) -> Pixels:
    figure.set_dpi(DPI * _TIMES)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return _averaged(np.asarray(canvas.buffer_rgba()))


@contextmanager
def opened(browser: Browser) -> Iterator[Page]:
    """A page as fine as the pictures are drawn."""
    with browser.new_context(device_scale_factor=_TIMES, offline=True) as context:
        yield context.new_page()


def show(page: Page, drawing: Drawing) -> None:
    """Have a page show a report with this figure, and of that only the figure, without its text."""
    page.set_content(html.render(report(results.stored()), [drawing]))
    width = float(drawing.svg.partition('viewBox="0 0 ')[2].partition(" ")[0]) / 72 * DPI
    page.get_by_role("img").evaluate(_ARRANGE, width)


def seen(page: Page, scheme: Any = "light") -> Pixels:
    """What a page shows of its figure, in the light or in the dark."""
    page.emulate_media(color_scheme=scheme)
    with Image.open(BytesIO(page.get_by_role("img").screenshot())) as image:
        return _averaged(np.asarray(image.convert("RGB")))


def apart(one: Pixels, other: Pixels) -> float:
    """How far apart two pictures are where they are farthest, from 0 to 1; 1 if they differ in size.

    Colours are averaged over a few pixels before they are compared, and of red, green and blue the one counts
    that differs most. One picture may be a pixel higher than the other: half ones are cut off, or not.
    """
    if abs(len(one) - len(other)) > 1 or one.shape[1:] != other.shape[1:]:
        return 1.0
    height = min(len(one), len(other))
    return float(np.abs(gaussian_filter(one[:height] - other[:height], (_BLUR, _BLUR, 0))).max())


def edges(pixels: Pixels) -> npt.NDArray[np.float32]:
    """How far each pixel is from those around it, from 0 to 1."""
    size = (3, 3, 1)
    found: npt.NDArray[np.float32] = (maximum_filter(pixels, size) - minimum_filter(pixels, size)).max(axis=2)
    return found


def _averaged(raw: npt.NDArray[Any]) -> Pixels:
    """Bytes, drawn `_TIMES` as large, as shades."""
    height, width = (side // _TIMES for side in raw.shape[:2])
    whole = raw[: height * _TIMES, : width * _TIMES, :3].astype(np.float32) / 255
    averaged: Pixels = whole.reshape(height, _TIMES, width, _TIMES, 3).mean(axis=(1, 3))
    return averaged
