"""Throughput under closed-loop load, where the server sets the pace."""

from __future__ import annotations

from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.charts.parts import page, rows, style
from harness.report.content.case import Case, cases
from harness.results.metrics import METRICS
from harness.results.model import Measurement, Result

METRIC: Final = "throughput"
_READING: Final = "Requests per second; more is better. Mark: mean over server processes; error bar: its CI."


def draw(result: Result) -> Figure | None:
    """Draw one panel per closed-loop case; None if there is none."""
    shown = [case for case in cases(result) if case.is_closed_loop and case.measured(METRIC)]
    panels = [(case, case.measured(METRIC), rows.height(len(case.arms))) for case in shown]
    title = page.finding(shown, METRIC, "Throughput")
    return rows.chart(result, title, _READING, panels, f"throughput ({METRICS[METRIC].unit})", _mark)


def _mark(panel: Axes, index: int, _: Case, row: Measurement, look: style.ArmStyle) -> None:
    rows.line_and_mark(panel, index, row, look, 8)
