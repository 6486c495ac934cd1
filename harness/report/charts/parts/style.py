"""What all figures share in looks: colours, marks, fonts, and how a figure is written.

Colours are those of Okabe and Ito (Color Universal Design, 2008), told apart by people who see colours
differently; every arm has a mark of its own as well, for those who print in grey.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import Any, Final, cast

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from harness.results.base import Interval
from harness.system import files

BLACK: Final = "#000000"
ORANGE: Final = "#E69F00"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
BLUE: Final = "#0072B2"
VERMILLION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
GREY: Final = "#767676"
RED: Final = "#B00020"

DPI: Final = 150
SMALL: Final = 8.0
TEXT: Final = 9.0
TITLE: Final = 11.0
#: Where names beside rows and titles of panels wrap.
LABEL_CHARACTERS: Final = 20
TITLE_CHARACTERS: Final = 80

#: From this luminance on, black has more contrast than white.
_LIGHT: Final = 0.25

_SETTINGS: Final[dict[str, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": TEXT,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "x",
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": TEXT,
    "hatch.linewidth": 0.8,
    "svg.hashsalt": "cookies-vs-tokens",
    "text.parse_math": False,
}


@dataclass(frozen=True)
class ArmStyle:
    """How one arm looks in every figure: a colour and a mark (matplotlib's names)."""

    colour: str
    marker: str


_KNOWN: Final = {
    "cookie": ArmStyle(VERMILLION, "s"),
    "token": ArmStyle(BLUE, "o"),
    "anonymous": ArmStyle(GREY, "D"),
}
_OTHER_COLOURS: Final = (GREEN, PURPLE, ORANGE, SKY, BLACK)
_OTHER_MARKERS: Final = ("^", "v", "P", "X", "<", ">", "p")


def arm_styles(arms: list[str]) -> dict[str, ArmStyle]:
    """A style for every arm: fixed for the twins and the floor, for others by their order."""
    others = map(ArmStyle, cycle(_OTHER_COLOURS), cycle(_OTHER_MARKERS))
    return {arm: _KNOWN[arm] if arm in _KNOWN else next(others) for arm in arms}


def lines(text: str, width: int) -> list[str]:
    """A text on as many lines as it needs."""
    return textwrap.wrap(text, width) or [text]


def label(name: str) -> str:
    """An arm's name beside its row."""
    return "\n".join(lines(shorten(name, 2 * LABEL_CHARACTERS), LABEL_CHARACTERS))


def shorten(text: str, width: int) -> str:
    """A text cut to a width in its middle, since names often differ at their ends only."""
    if len(text) <= width:
        return text
    head = width // 2
    return f"{text[:head]}\N{HORIZONTAL ELLIPSIS}{text[len(text) - (width - head - 1) :]}"


def reach(value: float, ci: Interval, scale: float = 1.0) -> list[list[float]] | None:
    """How far an interval is drawn below and above its value, as `errorbar` takes it; None without one."""
    if ci is None:
        return None
    low, high = _drawn(value, ci)
    return [[max(value - low, 0) / scale], [max(high - value, 0) / scale]]


def end(value: float, ci: Interval) -> float:
    """Where what is drawn of a value and its interval ends."""
    return value if ci is None else max(_drawn(value, ci)[1], value)


def _drawn(value: float, ci: tuple[float, float]) -> tuple[float, float]:
    """An interval, cut to a factor of two where it is wider than its value, as two instances may give.

    Its own ends would leave nothing to be seen of the rest; the figures beside it say `>100%`.
    """
    return (value / 2, 2 * value) if ci[1] - ci[0] > 2 * abs(value) else ci


def ink(background: str) -> str:
    """Black or white, whichever is read better on a colour (relative luminance as in WCAG 2)."""
    red, green, blue = (channel**2.2 for channel in to_rgb(background))
    return BLACK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > _LIGHT else "#FFFFFF"


@contextmanager
def applied() -> Iterator[None]:
    """Draw in this project's style and in no other, whatever a user's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(cast("Any", _SETTINGS))
        yield


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write a figure as PNG and SVG, without a date, so that the same figure is the same file.

    The canvases write at once what `Figure.savefig` would draw twice, and the layout is made once for both.
    """
    png, svg = (stem.with_name(f"{stem.name}.{kind}") for kind in ("png", "svg"))
    figure.set_dpi(DPI)
    raster: Any = FigureCanvasAgg(figure)
    raster.print_png(drawn := BytesIO(), metadata={"Software": None})
    files.write_atomically(png, drawn.getvalue())
    figure.set_layout_engine("none")
    vector: Any = FigureCanvasSVG(figure)
    vector.print_svg(drawn := BytesIO(), metadata={"Date": None, "Creator": None})
    files.write_atomically(svg, drawn.getvalue())
    return [png, svg]
