"""Parts of charts of values over a number: marks with intervals, a fitted line per arm, logarithmic axes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from statistics import fmean
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from harness.analysis.stats.estimate import mean
from harness.analysis.stats.linear_fit import LinearFit
from harness.report.charts.parts import page, style, tooltips
from harness.report.content import format as fmt
from harness.results.base import Interval
from harness.results.model import Result

#: Points at which a line is evaluated: on logarithmic axes it is not straight.
_STEPS: Final = 100


def legend(
    arms: Iterable[str], styles: Mapping[str, style.ArmStyle], characters: int | None = None
) -> list[page.LegendEntry]:
    """Return a legend entry per arm; longer names are cut to this many characters."""
    return [
        (
            Line2D([], [], color=styles[arm].colour, marker=styles[arm].marker, linewidth=1.8),
            style.shorten(arm, characters or len(arm)),
        )
        for arm in arms
    ]


def fits(result: Result, sweep: Callable[[Result, str], LinearFit | None]) -> dict[str, LinearFit]:
    """Return the fit over a sweep of each arm that was measured at two levels or more."""
    return {arm: line for arm in result.arms() if (line := sweep(result, arm)) is not None}


def slope(line: LinearFit) -> float:
    """Return the mean slope of a fit."""
    slopes = line.slopes()
    return sum(slopes) / len(slopes)


def means(line: LinearFit, confidence: float) -> list[tuple[float, float, Interval]]:
    """Return each level's position, and its mean with its interval."""
    estimates = [(level.at, mean(level.points, confidence, line.batches)) for level in line.levels]
    return [(at, estimate.value, estimate.ci) for at, estimate in estimates]


def mark(
    panel: Axes,
    place: float,
    value: float,
    ci: Interval,
    look: style.ArmStyle,
    tooltip: str = "",
    *,
    up: float = 1.0,
    **other: Any,
) -> None:
    """Draw a value with its interval.

    Args:
        panel: Panel to draw in.
        place: Position on the horizontal axis.
        value: Value.
        ci: Ends of its interval.
        look: Style of its arm.
        tooltip: Text of its tooltip; none if empty.
        up: Vertical unit of the panel, in the value's unit.
        other: Keywords of matplotlib's `errorbar` that differ from those of most charts.
    """
    usual: dict[str, Any] = {"ms": 6, "elinewidth": 1.2, "capsize": 3, "zorder": 3}
    drawn = panel.errorbar(
        [place], [value / up], yerr=style.reach(value, ci, up), fmt=look.marker, color=look.colour,
        **(usual | other),
    )  # fmt: skip
    if tooltip:
        tooltips.add_tooltips(drawn.lines[0], [tooltip])


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
    for at, value, ci in means(line, confidence):
        mark(panel, at / across, value, ci, look, f"at {at:,g}: {fmt.with_interval(value, ci)}", up=up)


def prepare(panel: Axes, title: str, across: str, up: str) -> None:
    """Set title, axis labels and a grid in both directions."""
    style.set_title(panel, title, 2)
    panel.grid(True, axis="both")
    panel.set_xlabel(across)
    panel.set_ylabel(up)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(style.plain)


def log_across(panel: Axes, places: Iterable[float]) -> None:
    """Make the horizontal axis logarithmic, and label these places of it and no others."""
    ticks = sorted(set(places))
    panel.set_xscale("log")
    panel.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    panel.minorticks_off()


def log_up(panel: Axes) -> None:
    """Make the vertical axis logarithmic, and label 1, 2, 5, 10 and so on of it, as plain numbers."""
    panel.set_yscale("log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    panel.yaxis.set_major_formatter(style.plain)
    panel.yaxis.set_minor_formatter(NullFormatter())
