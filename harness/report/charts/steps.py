"""Median service time of each step of a scenario, per scheme."""

from __future__ import annotations

from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.charts.parts import page, rows, style, tooltips
from harness.report.content import format as fmt
from harness.report.content.case import Case, cases
from harness.results.metrics import METRICS
from harness.results.model import Measurement, Result

METRIC: Final = "service_p50"
_PANEL, _ROW = 0.95, 0.3


def draw(result: Result) -> Figure | None:
    """Draw one panel per scenario with several steps; None if there is none."""
    shown = [(case, measured) for case in cases(result) if (measured := _measured(case))]
    if not shown:
        return None
    steps = [step for case, _ in shown for step in case.steps()]
    title = page.finding(steps, METRIC, "Service time of each step")
    reading = "Median service time of each step; less is better. Error bar: CI of the mean."
    heights = [_PANEL + _ROW * len(measured) for _, measured in shown]
    figure, panels = page.open_page(result, title, reading, heights)
    styles = style.arm_styles(result.arms())
    for panel, (case, measured) in zip(panels, shown, strict=True):
        _panel(panel, case, measured, styles)
    return figure


def _measured(case: Case) -> list[tuple[str, Measurement]]:
    """Return the name of each step with the measurement of each arm."""
    return [(str(step.step), row) for step in case.steps() for row in step.measured(METRIC)]


def _panel(
    panel: Axes, case: Case, measured: list[tuple[str, Measurement]], styles: dict[str, style.ArmStyle]
) -> None:
    names = [f"{step}, {row.arm}" for step, row in measured]
    rows.prepare(panel, case, names, f"{METRICS[METRIC].title[0].lower()}{METRICS[METRIC].title[1:]} (µs)")
    for index, (step, row) in enumerate(measured):
        look, edge = styles[row.arm], style.end(row.value, row.ci)
        panel.hlines(index, 0, row.value, color=look.colour, linewidth=2, zorder=2)
        [mark] = panel.plot([row.value], [index], look.marker, color=look.colour, markersize=7, zorder=3)
        tooltips.add_tooltips(
            mark, [f"{step}, {row.arm}: {fmt.with_interval(row.value, row.ci)} {style.unit(row.unit)}"]
        )
        rows.whisker(panel, index, row.value, row.ci)
        rows.value_label(panel, index, edge, f"{fmt.with_interval(row.value, row.ci)} {style.unit(row.unit)}")
        if index and step != measured[index - 1][0]:
            panel.axhline(index - 0.5, color="#BBBBBB", linewidth=0.8)
    rows.from_zero(panel, max(style.end(row.value, row.ci) for _, row in measured))
