"""How long each step of a scenario takes, arm beside arm."""

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
    """One panel a scenario of several steps; None where there is none."""
    shown = [(case, found) for case in cases(result) if (found := _measured(case))]
    if not shown:
        return None
    steps = [step for case, _ in shown for step in case.steps()]
    title = page.finding(steps, METRIC, "Steps")
    reading = "Median service time of each step, less is better. Bar across a mark: the interval of the mean."
    heights = [_PANEL + _ROW * len(found) for _, found in shown]
    figure, panels = page.open_page(result, title, reading, heights)
    styles = style.arm_styles(result.arms())
    for panel, (case, found) in zip(panels, shown, strict=True):
        _panel(panel, case, found, styles)
    return figure


def _measured(case: Case) -> list[tuple[str, Measurement]]:
    """Every step's name and measurement, an arm each."""
    return [(str(step.step), row) for step in case.steps() for row in step.measured(METRIC)]


def _panel(
    panel: Axes, case: Case, found: list[tuple[str, Measurement]], styles: dict[str, style.ArmStyle]
) -> None:
    names = [f"{step}, {row.arm}" for step, row in found]
    rows.prepare(panel, case, names, f"{METRICS[METRIC].title[0].lower()}{METRICS[METRIC].title[1:]} (us)")
    for index, (step, row) in enumerate(found):
        look, edge = styles[row.arm], style.end(row.value, row.ci)
        panel.hlines(index, 0, row.value, color=look.colour, linewidth=2, zorder=2)
        [mark] = panel.plot([row.value], [index], look.marker, color=look.colour, markersize=7, zorder=3)
        tooltips.add_tooltips(mark, [f"{step}, {row.arm}: {fmt.with_interval(row.value, row.ci)} {row.unit}"])
        rows.whisker(panel, index, row.value, row.ci)
        rows.value_label(panel, index, edge, f"{fmt.with_interval(row.value, row.ci)} {row.unit}")
        if index and step != found[index - 1][0]:
            panel.axhline(index - 0.5, color="#BBBBBB", linewidth=0.8)
    rows.from_zero(panel, max(style.end(row.value, row.ci) for _, row in found))
