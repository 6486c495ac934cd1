"""Layout of all charts: the result as title, panels, and a caption with the measurement conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from harness.report.charts.parts import style
from harness.report.content import environment, validity, wording
from harness.report.content import format as fmt
from harness.report.content.case import Case
from harness.results.model import Result

#: Inches, like every size here.
WIDTH: Final = 10.0
_EDGE: Final = 0.15
_LEGEND_LINE: Final = 0.24
_LEGEND_CHARACTERS: Final = 115
_NO_FINDING: Final = "Invalid run: do not compare these values"

#: A mark and its meaning.
LegendEntry = tuple[Any, str]


@dataclass(frozen=True)
class _Text:
    """Text across the page in one style, wrapped at `characters`, with `line` inches per line."""

    text: str
    characters: int
    line: float
    size: float
    colour: str = style.BLACK
    weight: str = "normal"

    @property
    def lines(self) -> list[str]:
        return fmt.wrap(self.text, self.characters)

    @property
    def height(self) -> float:
        return len(self.lines) * self.line


def open_page(
    result: Result,
    title: str,
    reading: str,
    heights: Sequence[float],
    columns: int = 1,
    legend: Sequence[LegendEntry] = (),
) -> tuple[Figure, list[Axes]]:
    """Return a figure with its texts in place and empty panels.

    Args:
        result: Run, for the caption.
        title: Result that the chart shows; replaced if the run is invalid.
        reading: Explanation of how to read the chart.
        heights: Height of each panel in inches, in order.
        columns: Number of panels side by side.
        legend: Marks and their meaning, set below the panels.

    Returns:
        The figure and one panel per height.
    """
    below = f"{environment.describe(result)[-1].rstrip('.')}; run {result.run.id}"
    invalid = "" if result.valid else f"INVALID: {validity.invalid_reason(result)}"
    heading = title if result.valid else _NO_FINDING
    return open_page_of_several(heading, reading, below, heights, columns, legend, invalid)


def open_page_of_several(
    title: str,
    reading: str,
    caption: str,
    heights: Sequence[float],
    columns: int = 1,
    legend: Sequence[LegendEntry] = (),
    invalid: str = "",
) -> tuple[Figure, list[Axes]]:
    """Return the same for a chart of several runs, or of none, with the caption of its source.

    If there is a reason why the values are invalid, it is printed below the panels, and the title is red.
    """
    above = [
        _Text(title, 98, 0.24, style.TITLE, style.RED if invalid else style.BLACK, "bold"),
        _Text(reading, 130, 0.19, style.TEXT, "#333333"),
    ]
    below = [
        _Text(invalid, 115, 0.19, style.TEXT, style.RED, "bold"),
        _Text(caption, 140, 0.17, style.SMALL, "#444444"),
    ]
    rows = [max(heights[start : start + columns]) for start in range(0, len(heights), columns)]
    legend_columns = _legend_columns(legend)
    legend_height = -(-len(legend) // legend_columns) * _LEGEND_LINE
    bottom = 2 * _EDGE + sum(text.height for text in below) + legend_height
    total = 2 * _EDGE + sum(text.height for text in above) + sum(rows) + bottom

    room = (0.01, bottom / total, 0.98, sum(rows) / total)
    figure = Figure(figsize=(WIDTH, total), layout=ConstrainedLayoutEngine(rect=room, hspace=0.06))
    _print(figure, above, total - _EDGE)
    _print(figure, below, bottom - legend_height - _EDGE)
    if legend:
        _print_legend(figure, legend, legend_columns, bottom - legend_height)
    return figure, _panels(figure, rows, columns, len(heights))


def finding(cases: Sequence[Case], metric: str, otherwise: str) -> str:
    """Return the title of a chart: the headline of the case with this primary metric, else of the first.

    Args:
        cases: Cases that the chart shows.
        metric: Metric that the chart shows.
        otherwise: Title if nothing was compared.
    """
    judged_first = sorted(cases, key=lambda case: case.primary_metric != metric)
    headlines = (wording.headline(case, metric) for case in judged_first)
    return next((text for text in headlines if text is not None), otherwise)


def _print(figure: Figure, texts: Sequence[_Text], top: float) -> None:
    """Print texts below each other, from `top` inches above the lower edge of the page."""
    width, height = figure.get_size_inches()
    for text in texts:
        for line in text.lines:
            place = _EDGE / width, top / height
            figure.text(*place, line, va="top", size=text.size, color=text.colour, weight=text.weight)
            top -= text.line


def _legend_columns(legend: Sequence[LegendEntry]) -> int:
    longest = max((len(text) for _, text in legend), default=1)
    return min(max(_LEGEND_CHARACTERS // (longest + 8), 1), max(len(legend), 1))


def _print_legend(figure: Figure, legend: Sequence[LegendEntry], columns: int, bottom: float) -> None:
    width, height = figure.get_size_inches()
    handles, labels = zip(*legend, strict=True)
    corner = _EDGE / width, bottom / height
    drawn = figure.legend(
        handles, labels, loc="lower left", bbox_to_anchor=corner, ncols=columns, borderpad=0
    )
    drawn.set_in_layout(False)  # its space is reserved already


def _panels(figure: Figure, rows: list[float], columns: int, count: int) -> list[Axes]:
    grid = figure.subplots(len(rows), columns, squeeze=False, gridspec_kw={"height_ratios": rows})
    panels: list[Axes] = list(grid.flat)
    for unused in panels[count:]:
        unused.remove()
    return panels[:count]
