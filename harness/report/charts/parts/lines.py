"""Parts of charts with a fitted line per arm: marks with intervals, and the line through them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Final

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from harness.analysis.stats.estimate import mean
from harness.analysis.stats.linear_fit import LinearFit
from harness.report.charts.parts import page, style, tooltips
from harness.report.content import format as fmt

#: Points at which a line is evaluated: on logarithmic axes it is not straight.
_STEPS: Final = 100


def legend(arms: Iterable[str], styles: Mapping[str, style.ArmStyle]) -> list[page.LegendEntry]:
    """Return a legend entry per arm."""
    return [
        (Line2D([], [], color=styles[arm].colour, marker=styles[arm].marker, linewidth=1.8), arm)
        for arm in arms
    ]


def through(
    panel: Axes,
    line: LinearFit,
    look: style.ArmStyle,
    confidence: float,
    *,
    ends: tuple[float, float] | None = None,
    across: float = 1.0,
    up: float = 1.0,
    flat: bool = False,
) -> None:
    """Draw each level's mean with its interval, and the line.

    Args:
        panel: Panel to draw in.
        line: Fit of an arm.
        look: Style of the arm.
        confidence: Confidence of the intervals.
        ends: Range in which the line is drawn; its outer levels by default.
        across: Horizontal unit of the panel, in the line's unit.
        up: Vertical unit of the panel, in the line's unit.
        flat: Whether the metric cannot depend on the level: then the mean over all levels is drawn.
    """
    begin, end = ends or (line.first, line.last)
    places = [begin * (1 - step / _STEPS) + end * step / _STEPS for step in range(_STEPS + 1)]
    heights = [fmean(line.predictions(place)) / up for place in places]
    if flat:
        heights = [fmean(point for level in line.levels for point in level.points) / up] * len(places)
    panel.plot([place / across for place in places], heights, color=look.colour, linewidth=1.6, zorder=2)
    for level in line.levels:
        estimate = mean(level.points, confidence, line.batches)
        ci = None if estimate.low is None or estimate.high is None else (estimate.low, estimate.high)
        drawn = panel.errorbar(
            [level.at / across], [estimate.value / up], yerr=style.reach(estimate.value, ci, up),
            fmt=look.marker, color=look.colour, ms=6, elinewidth=1.2, capsize=3, zorder=3,
        )  # fmt: skip
        tooltips.add_tooltips(drawn.lines[0], [f"at {level.at:,g}: {fmt.with_interval(estimate.value, ci)}"])


def prepare(panel: Axes, title: str, across: str, up: str) -> None:
    """Set title, axis labels and a grid in both directions."""
    panel.set_title("\n".join(style.lines(title, style.TITLE_CHARACTERS // 2)))
    panel.grid(True, axis="both")
    panel.set_xlabel(across)
    panel.set_ylabel(up)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def ticks(panel: Axes, places: Sequence[float]) -> None:
    """Label these places of the axis, and no others."""
    panel.set_xticks(places, [f"{place:,.0f}" for place in places])
    panel.minorticks_off()


def plain(axis: Axis) -> None:
    """Label 1, 2, 5, 10 and so on of a logarithmic axis, as plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(NullFormatter())
