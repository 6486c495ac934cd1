"""Throughput under closed-loop load, where the server sets the pace."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.charts.parts import page, rows, style, tooltips
from harness.report.content import format as fmt
from harness.report.content.case import Case, cases
from harness.results.metrics import METRICS
from harness.results.model import Result

METRIC = "throughput"


def draw(result: Result) -> Figure | None:
    """Draw one panel per closed-loop case; None if there is none."""
    shown = [case for case in cases(result) if case.is_closed_loop and case.measured(METRIC)]
    if not shown:
        return None
    title = page.finding(shown, METRIC, "Throughput")
    reading = "Requests per second; more is better. Mark: mean over server processes; error bar: its CI."
    figure, panels = page.open_page(result, title, reading, list(map(rows.height, shown)))
    styles = style.arm_styles(result.arms())
    for panel, case in zip(panels, shown, strict=True):
        _panel(panel, case, styles)
    return figure


def _panel(panel: Axes, case: Case, styles: dict[str, style.ArmStyle]) -> None:
    measured = case.measured(METRIC)
    rows.prepare(panel, case, [row.arm for row in measured], f"throughput ({METRICS[METRIC].unit})")
    for index, row in enumerate(measured):
        look, edge = styles[row.arm], style.end(row.value, row.ci)
        panel.hlines(index, 0, row.value, color=look.colour, linewidth=2, zorder=2)
        [mark] = panel.plot([row.value], [index], look.marker, color=look.colour, markersize=8, zorder=3)
        tooltips.add_tooltips(mark, [f"{row.arm}: {fmt.with_interval(row.value, row.ci)} {row.unit}"])
        rows.whisker(panel, index, row.value, row.ci)
        rows.value_label(panel, index, edge, f"{fmt.with_interval(row.value, row.ci)} {row.unit}")
    rows.from_zero(panel, max(style.end(row.value, row.ci) for row in measured))
