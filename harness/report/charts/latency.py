"""Latency by percentile, on the axis of HdrHistogram: each step to the right is ten times rarer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from harness.report.charts.parts import lines, page, style
from harness.report.content.case import Case, cases
from harness.results.metrics import METRICS
from harness.results.model import Distribution, Result

_PANEL_HEIGHT: Final = 3.9
_TICKS: Final = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999)
#: A percentile with fewer samples than this beyond it is drawn faint, and gets no verdict.
_SAMPLES_BEYOND: Final = 100
#: Values that span more than this factor are drawn on a logarithmic axis.
_LOG_FROM: Final = 8.0
_MILLISECONDS_FROM: Final = 10_000.0
LEGEND_CHARACTERS: Final = 60
_MARKED: Final = {50.0: "p50", 90.0: "p90", 99.0: "p99", 99.9: "p999"}
#: Marks of one percentile are drawn side by side, the last this factor to the right of the first.
_MARKS_APART: Final = 1.5
_LINES: Final[dict[str, Any]] = {"service": "-", "response": (0, (5, 2))}
_FAINT: Final[dict[str, Any]] = {"linestyle": ":", "alpha": 0.55, "linewidth": 1.3}
_MEANINGS: Final = {
    "service": "service: request sent to response complete",
    "response": "response: scheduled arrival to response complete",
}
_READING: Final = (
    "Less is better. Lines: all server processes merged; marks: mean over server processes with its CI. "
    f"Dotted and faint: unreliable, fewer than {_SAMPLES_BEYOND} requests beyond."
)


def draw(result: Result) -> Figure | None:
    """Draw one panel per case with a recorded distribution; None if there is none."""
    shown = [case for case in cases(result) if case.distributions()]
    if not shown:
        return None
    styles = style.arm_styles(result.arms())
    title = page.finding(shown, "service_p50", "Latency by percentile")
    heights = [_PANEL_HEIGHT] * len(shown)
    columns, legend = min(len(shown), 2), _legend(shown, styles)
    figure, panels = page.open_page(result, title, _READING, heights, columns, legend)
    for panel, case in zip(panels, shown, strict=True):
        _panel(panel, case, styles)
    return figure


def solid_until(samples: int) -> float:
    """Return the last percentile with enough samples beyond it to be drawn solid: 99 for 10,000."""
    return max(100.0 * (1 - _SAMPLES_BEYOND / samples), 0.0) if samples else 0.0


def scale(highest: float) -> tuple[float, str]:
    """Return the divisor of microseconds, and the resulting unit, for values up to this highest one."""
    return (1000.0, "ms") if highest >= _MILLISECONDS_FROM else (1.0, "µs")


def _legend(shown: Sequence[Case], styles: dict[str, style.ArmStyle]) -> list[page.LegendEntry]:
    drawn = [row for case in shown for row in case.distributions()]
    arms, clocks = {row.arm for row in drawn}, {row.clock for row in drawn}
    return lines.legend([arm for arm in styles if arm in arms], styles, LEGEND_CHARACTERS) + [
        (Line2D([], [], color=style.BLACK, linestyle=_LINES[clock], linewidth=1.8), meaning)
        for clock, meaning in _MEANINGS.items()
        if clock in clocks
    ]


def _panel(panel: Axes, case: Case, styles: dict[str, style.ArmStyle]) -> None:
    drawn = case.distributions()
    highest = max((value for row in drawn for _, value in _known(row)), default=1.0)
    divisor, unit = scale(highest)
    for index, row in enumerate(drawn):
        _line(panel, row, styles[row.arm], divisor)
        side = index / max(len(drawn) - 1, 1) - 0.5
        _marks(panel, case, row, styles[row.arm], divisor, _MARKS_APART**side)
    style.set_title(panel, case.title, 2)
    panel.grid(True, axis="both")
    _percentile_axis(panel, max(row.samples for row in drawn))
    value_axis(panel, unit)


def _line(panel: Axes, row: Distribution, look: style.ArmStyle, scale: float) -> None:
    """Draw the part with enough samples solid and the rest faint; both share the point between."""
    limit, points = solid_until(row.samples), _known(row)
    solid = [point for point in points if point[0] <= limit]
    faint = [*solid[-1:], *(point for point in points if point[0] > limit)]
    full: dict[str, Any] = {"linestyle": _LINES[row.clock], "linewidth": 1.8}
    for part, keywords in ((solid, full), (faint, _FAINT)):
        places, values = [_place(p) for p, _ in part], [value / scale for _, value in part]
        panel.plot(places, values, color=look.colour, **keywords)


def _marks(
    panel: Axes, case: Case, row: Distribution, look: style.ArmStyle, scale: float, shift: float
) -> None:
    """Draw the mean over instances with its interval, at the percentiles that are metrics."""
    for percentile, suffix in _MARKED.items():
        measured = case.find(row.arm, f"{row.clock}_{suffix}")
        if measured is None or percentile > solid_until(row.samples):
            continue
        lines.mark(
            panel, _place(percentile) * shift, measured.value, measured.ci, look,
            f"{row.arm}, {METRICS[measured.metric].title.lower()}: {style.measured(measured)}",
            up=scale, mfc=look.colour if row.clock == "service" else "white", ms=5.5, zorder=4,
        )  # fmt: skip


def _known(row: Distribution) -> list[tuple[float, float]]:
    """Return the points before the last sample: the axis has no place for the 100th percentile."""
    end = 100.0 * (1 - 1 / row.samples) if row.samples else 0.0
    return [point for point in row.points if point[0] <= end]


def _place(percentile: float) -> float:
    """Return the position of a percentile on the axis: 1 / (1 - p)."""
    return 1 / (1 - percentile / 100)


def _percentile_axis(panel: Axes, samples: int) -> None:
    panel.set_xscale("log")
    panel.set_xlim(0.93, max(samples, 10) * 1.1)
    ticks = [tick for tick in _TICKS if _place(tick) <= max(samples, 10)]
    panel.set_xticks([_place(tick) for tick in ticks], [f"{tick:g}" for tick in ticks])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlabel("percentile (%)")


def value_axis(panel: Axes, unit: str) -> None:
    """Label the value axis; logarithmic if values span a wide range, otherwise from zero."""
    low, high = panel.dataLim.intervaly
    panel.set_ylabel(f"latency ({unit})")
    if low > 0 and math.isfinite(high) and high / low > _LOG_FROM:
        lines.log_up(panel)
    else:
        panel.set_ylim(bottom=0)
