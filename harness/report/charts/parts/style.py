"""Style of all charts (colours, marks, fonts), and how a chart is written to files.

Colours are those of Okabe and Ito (Color Universal Design, 2008), which people with colour vision
deficiencies can distinguish; each arm also has its own mark, for prints in greyscale.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import cycle
from pathlib import Path
from threading import RLock
from typing import Any, Final, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from harness.report.content import format as fmt
from harness.results.base import Interval
from harness.results.model import Measurement
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
#: Width at which row labels and panel titles wrap.
LABEL_CHARACTERS: Final = 20
TITLE_CHARACTERS: Final = 80

#: Luminance from which black has more contrast than white.
_LIGHT: Final = 0.25
#: Settings of matplotlib hold for the whole process: one thread at a time draws.
_DRAWING: Final = RLock()

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
    """Look of an arm in all charts: a colour and a marker, by matplotlib's names."""

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
    """Return a style per arm: fixed for the reference and no-auth servers, for others by their order."""
    others = map(ArmStyle, cycle(_OTHER_COLOURS), cycle(_OTHER_MARKERS))
    return {arm: _KNOWN[arm] if arm in _KNOWN else next(others) for arm in arms}


def lines(text: str, width: int) -> list[str]:
    """Return the lines of a text that is wrapped at a width."""
    return textwrap.wrap(text, width) or [text]


def label(name: str, characters: int = LABEL_CHARACTERS) -> str:
    """Return an arm's name, shortened and wrapped to two lines, as the label of its row."""
    return "\n".join(lines(shorten(name, 2 * characters), characters))


def set_title(panel: Axes, text: str, columns: int = 1, pad: float | None = None) -> None:
    """Set the title of a panel, wrapped at the width that it has beside others; `pad` is in points."""
    width = TITLE_CHARACTERS // columns
    panel.set_title("\n".join(line for part in text.split("\n") for line in lines(part, width)), pad=pad)


def shorten(text: str, width: int) -> str:
    """Return a text cut to a width in its middle, since names often differ at their ends only."""
    if len(text) <= width:
        return text
    head = width // 2
    return f"{text[:head]}\N{HORIZONTAL ELLIPSIS}{text[len(text) - (width - head - 1) :]}"


def unit(name: str) -> str:
    """Return a unit with the micro sign: `µs/req`."""
    return name.replace("us", "µs")


def measured(row: Measurement) -> str:
    """Return a measurement with its interval and its unit: `229.2 ± 1.8 µs/req`."""
    return f"{fmt.with_interval(row.value, row.ci)} {unit(row.unit)}"


def plain(value: float, _: float) -> str:
    """Return the label of a tick on an axis, as matplotlib asks for it: `1,200`."""
    return f"{value:,g}"


def white(pad: float, alpha: float | None = None) -> dict[str, Any]:
    """Return the box around a text that must stay legible on lines; `pad` is in points."""
    return {"facecolor": "white", "edgecolor": "none", "pad": pad, "alpha": alpha}


def reach(value: float, ci: Interval, scale: float = 1.0) -> list[list[float]] | None:
    """Return how far an interval is drawn below and above its value, for `errorbar`; None without one."""
    if ci is None:
        return None
    low, high = _drawn(value, ci)
    return [[max(value - low, 0) / scale], [max(high - value, 0) / scale]]


def end(value: float, ci: Interval) -> float:
    """Return the upper end of what is drawn of a value and its interval."""
    return value if ci is None else max(_drawn(value, ci)[1], value)


def _drawn(value: float, ci: tuple[float, float]) -> tuple[float, float]:
    """Return an interval, cut to a factor of two if it is wider than its value, as from two instances.

    Its real ends would leave nothing visible of the rest; the number beside it is printed as `>100%`.
    """
    return (value / 2, 2 * value) if ci[1] - ci[0] > 2 * abs(value) else ci


def ink(background: str) -> str:
    """Return black or white, whichever is more legible on a colour (relative luminance as in WCAG 2)."""
    red, green, blue = (channel**2.2 for channel in to_rgb(background))
    return BLACK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > _LIGHT else "#FFFFFF"


@contextmanager
def applied() -> Iterator[None]:
    """Draw in this project's style, whatever the user's matplotlibrc contains."""
    with _DRAWING, mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(cast("Any", _SETTINGS))
        yield


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write a figure as PNG and SVG, without a date, so that the same figure gives the same files.

    The canvases write directly what `Figure.savefig` would draw twice, and share one layout.
    """
    png, svg = (stem.with_name(f"{stem.name}.{kind}") for kind in ("png", "svg"))
    figure.set_dpi(DPI)
    raster: Any = FigureCanvasAgg(figure)
    raster.print_png(drawn := BytesIO(), metadata={"Software": None})
    files.write_atomically(png, drawn.getvalue())
    figure.set_layout_engine("none")
    files.write_atomically(svg, as_svg(figure))
    return [png, svg]


def as_svg(figure: Figure, *without: str) -> bytes:
    """Return a figure as SVG, without a date, its creator and these other metadata."""
    vector: Any = FigureCanvasSVG(figure)
    vector.print_svg(drawn := BytesIO(), metadata=dict.fromkeys(("Date", "Creator", *without)))
    return drawn.getvalue()
