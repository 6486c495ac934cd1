"""Median service time of each step of a scenario, per scheme."""

from __future__ import annotations

from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.charts.parts import page, rows, style
from harness.report.content.case import Case, cases
from harness.results.metrics import METRICS
from harness.results.model import Measurement, Result

METRIC: Final = "service_p50"
_ROW: Final = 0.3
_READING: Final = "Median service time of each step; less is better. Error bar: CI of the mean."


def draw(result: Result) -> Figure | None:
    """Draw one panel per scenario with several steps; None if there is none."""
    panels = [
        (case, measured, rows.height(len(measured), _ROW))
        for case in cases(result)
        if (measured := [row for step in case.steps() for row in step.measured(METRIC)])
    ]
    steps = [step for case, _, _ in panels for step in case.steps()]
    title = page.finding(steps, METRIC, "Service time of each step")
    name = METRICS[METRIC].title
    return rows.chart(result, title, _READING, panels, f"{name[0].lower()}{name[1:]} (µs)", _mark)


def _mark(panel: Axes, index: int, _: Case, row: Measurement, look: style.ArmStyle) -> None:
    rows.line_and_mark(panel, index, row, look, 7)
