"""Values of individual server processes: spread within each scheme and difference between schemes."""

from __future__ import annotations

from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.charts.parts import page, rows, style, tooltips
from harness.report.content import format as fmt
from harness.report.content.case import Case, cases
from harness.results.metrics import METRICS
from harness.results.model import Measurement, Result

#: Position of the dots and the mean in a row, in rows from its middle; down is positive.
_DOTS_TOP, _DOTS_BOTTOM, _MEAN = -0.34, 0.08, 0.28
_ROW_HEIGHT: Final = 0.72
#: Room for labels to the right of the data, as a share of the data's width.
_LABEL_ROOM: Final = 0.3
_EDGE_ROOM: Final = 0.04
_READING: Final = (
    "Upper marks of a row: one server process each; lower mark: their mean with its CI. Band: mean ± minimum"
    " detectable difference; schemes with means inside each other's band do not differ significantly."
)


def draw(result: Result) -> Figure | None:
    """Draw one panel per case with its primary metric; None if no metric has a verdict."""
    shown = [
        (case, metric)
        for case in cases(result)
        if (metric := case.primary_metric) is not None and case.measured(metric)
    ]
    if not shown:
        return None
    first, metric = shown[0]
    heights = [rows.height(len(case.arms), _ROW_HEIGHT) for case, _ in shown]
    title = page.finding([first], metric, "Individual server processes")
    figure, panels = page.open_page(result, title, _READING, heights)
    styles = style.arm_styles(result.arms())
    for panel, (case, metric) in zip(panels, shown, strict=True):
        _panel(panel, case, metric, styles)
    return figure


def _panel(panel: Axes, case: Case, metric: str, styles: dict[str, style.ArmStyle]) -> None:
    measured = case.measured(metric)
    unit = f"{METRICS[metric].title} ({style.unit(METRICS[metric].unit)})"
    rows.prepare_case(panel, case, [row.arm for row in measured], unit)
    for index, row in enumerate(measured):
        look = styles[row.arm]
        if (floor := noise_floor(case, row)) is not None:
            band = row.value / (1 + floor), row.value * (1 + floor)
            panel.axvspan(*band, color=look.colour, alpha=0.18, lw=0, zorder=0)
        heights = _spread(len(row.points), index)
        [dots] = panel.plot(row.points, heights, look.marker, color=look.colour, alpha=0.75, ms=5)
        values = [f"{fmt.number(point)} {style.unit(row.unit)}" for point in row.points]
        tooltips.add_tooltips(dots, [f"{row.arm} #{number}: {text}" for number, text in enumerate(values)])
        [mean] = panel.plot(
            [row.value], [index + _MEAN], look.marker, color="white", mec=look.colour, mew=1.6, ms=7
        )
        tooltips.add_tooltips(mean, [f"{row.arm}, mean: {style.measured(row)}"])
        rows.interval_and_value(panel, index + _MEAN, row)
    _limit(panel, measured)


def noise_floor(case: Case, row: Measurement) -> float | None:
    """Return the largest noise floor of an arm's comparisons, as a fraction; None if there is none."""
    floors = [
        comparison.noise_floor
        for comparison in case.comparisons(row.metric)
        if row.arm in (comparison.base, comparison.arm) and comparison.noise_floor is not None
    ]
    return max(floors, default=None)


def _spread(count: int, row: int) -> list[float]:
    """Return the heights of a row's dots in instance order, spread so that equal values do not overlap."""
    step = (_DOTS_BOTTOM - _DOTS_TOP) / max(count - 1, 1)
    return [row + _DOTS_TOP + index * step for index in range(count)]


def _limit(panel: Axes, measured: list[Measurement]) -> None:
    seen = [value for row in measured for value in (*row.points, style.end(row.value, row.ci))]
    seen += [row.value - reach[0][0] for row in measured if (reach := style.reach(row.value, row.ci))]
    low, high = min(seen), max(seen)
    width = (high - low) or abs(high) or 1.0
    panel.set_xlim(low - _EDGE_ROOM * width, high + _LABEL_ROOM * width)
