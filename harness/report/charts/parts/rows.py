"""Panels with one row per arm, from top to bottom in the order of the suite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.charts.parts import page, style, tooltips
from harness.report.content.case import Case
from harness.results.base import Interval
from harness.results.model import Measurement, Result

_PANEL: Final = 0.95
_ROW: Final = 0.42
#: Share of the panel that the label of a value needs beside the longest row.
_LABEL_ROOM: Final = 0.24

#: Draws the mark of a measurement at the height of its row.
DrawMark = Callable[[Axes, int, Case, Measurement, style.ArmStyle], None]


def height(rows: int, row: float = _ROW) -> float:
    """Return the height in inches of a panel with this many rows."""
    return _PANEL + row * rows


def chart(
    result: Result,
    title: str,
    reading: str,
    shown: Sequence[tuple[Case, Sequence[Measurement], float]],
    unit: str,
    draw_mark: DrawMark,
) -> Figure | None:
    """Draw a panel per case with a row per measurement, from zero; None if there is no case.

    Args:
        result: Run, for the caption.
        title: Result that the chart shows.
        reading: Explanation of how to read the chart.
        shown: Cases, each with its measurements by arm, or by step and arm, and the height of its panel.
        unit: Label of the axis.
        draw_mark: Draws a measurement; its interval and its value are added.
    """
    if not shown:
        return None
    figure, panels = page.open_page(result, title, reading, [inches for _, _, inches in shown])
    styles = style.arm_styles(result.arms())
    for panel, (case, measured, _) in zip(panels, shown, strict=True):
        prepare_case(panel, case, list(map(name, measured)), unit)
        from_zero(panel, max(style.end(row.value, row.ci) for row in measured))
        for index, row in enumerate(measured):
            draw_mark(panel, index, case, row, styles[row.arm])
            interval_and_value(panel, index, row)
            if index and row.params != measured[index - 1].params:  # another step
                panel.axhline(index - 0.5, color="#BBBBBB", linewidth=0.8)
    return figure


def name(row: Measurement) -> str:
    """Return the arm of a measurement, after the step if it is of one."""
    step = row.params.get("step")
    return row.arm if step is None else f"{step}, {row.arm}"


def prepare(panel: Axes, title: str, labels: Sequence[str], unit: str, room: float = 0.5) -> None:
    """Set title, row labels and axis label of a panel, with `room` rows of space above and below."""
    style.set_title(panel, title)
    panel.set_yticks(range(len(labels)), labels)
    panel.set_ylim(len(labels) - 1 + room, -room)
    panel.tick_params(axis="y", length=0)
    panel.set_xlabel(unit)


def prepare_case(panel: Axes, case: Case, names: Sequence[str], unit: str) -> None:
    """Prepare the panel of a case, with the names of its rows and plain numbers along its axis."""
    prepare(panel, case.title, list(map(style.label, names)), unit)
    panel.xaxis.set_major_formatter(style.plain)


def from_zero(panel: Axes, highest: float) -> None:
    """Start the axis at zero, so that lengths can be compared, and leave room for labels on the right."""
    panel.set_xlim(0, highest * (1 + _LABEL_ROOM) or 1)


def line_and_mark(panel: Axes, index: int, row: Measurement, look: style.ArmStyle, size: float) -> None:
    """Draw a mark with a tooltip, at the end of a line from zero."""
    panel.hlines(index, 0, row.value, color=look.colour, linewidth=2, zorder=2)
    [mark] = panel.plot([row.value], [index], look.marker, color=look.colour, markersize=size, zorder=3)
    tooltips.add_tooltips(mark, [f"{name(row)}: {style.measured(row)}"])


def interval_and_value(panel: Axes, at: float, row: Measurement) -> None:
    """Draw the interval of a measurement, and print both to the right of it."""
    whisker(panel, at, row.value, row.ci)
    value_label(panel, at, style.end(row.value, row.ci), style.measured(row))


def whisker(panel: Axes, row: float, value: float, ci: Interval, *, whole: bool = False) -> None:
    """Draw the interval of a value, if there is one.

    Args:
        panel: Panel to draw in.
        row: Height of the row.
        value: Value inside the interval.
        ci: Ends of the interval.
        whole: Whether to draw the whole interval however wide it is, as for a difference.
    """
    if ci is not None:
        reach = [[value - ci[0]], [ci[1] - value]] if whole else style.reach(value, ci)
        panel.errorbar(
            [value], [row], xerr=reach, fmt="none", ecolor=style.BLACK, elinewidth=1.6, capsize=4, zorder=4
        )


def value_label(panel: Axes, row: float, edge: float, text: str) -> None:
    """Print a value to the right of the end of its row."""
    box = style.white(0.5, 0.8)
    panel.annotate(text, (edge, row), (8, 0), textcoords="offset points", va="center", zorder=5, bbox=box)
