"""Panels with one row per arm, from top to bottom in the order of the suite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from harness.report.charts.parts import style
from harness.report.content.case import Case
from harness.results.base import Interval

_PANEL: Final = 0.95
_ROW: Final = 0.42
#: Share of the panel that the label of a value needs beside the longest row.
_LABEL_ROOM: Final = 0.24


def height(case: Case, row: float = _ROW) -> float:
    """Return the height in inches of a panel with the arms of a case."""
    return _PANEL + row * max(len(case.arms), 1)


def prepare(panel: Axes, case: Case, arms: Sequence[str], unit: str) -> None:
    """Set title, row labels and axis label of a panel."""
    panel.set_title("\n".join(style.lines(case.title, style.TITLE_CHARACTERS)))
    panel.set_yticks(range(len(arms)), [style.label(arm) for arm in arms])
    panel.set_ylim(len(arms) - 0.5, -0.5)
    panel.tick_params(axis="y", length=0)
    panel.set_xlabel(unit)
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def from_zero(panel: Axes, highest: float) -> None:
    """Start the axis at zero, so that lengths can be compared, and leave room for labels on the right."""
    panel.set_xlim(0, highest * (1 + _LABEL_ROOM) or 1)


def whisker(
    panel: Axes, row: float, value: float, ci: Interval, colour: str = style.BLACK, *, whole: bool = False
) -> None:
    """Draw the interval of a value, if there is one.

    Args:
        panel: Panel to draw in.
        row: Height of the row.
        value: Value inside the interval.
        ci: Ends of the interval.
        colour: Colour of the line.
        whole: Whether to draw the whole interval however wide it is, as for a difference.
    """
    if ci is None:
        return
    reach = [[value - ci[0]], [ci[1] - value]] if whole else style.reach(value, ci)
    panel.errorbar([value], [row], xerr=reach, fmt="none", ecolor=colour, elinewidth=1.6, capsize=4, zorder=4)


def value_label(panel: Axes, row: float, edge: float, text: str) -> None:
    """Print a value to the right of the end of its row."""
    label = panel.annotate(text, (edge, row), (8, 0), textcoords="offset points", va="center", zorder=5)
    label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8})
