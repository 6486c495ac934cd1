"""CPU per request in the server and in the store, by scenario and load."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.charts.parts import page, rows, style, tooltips
from harness.report.content import format as fmt
from harness.report.content.case import Case, cases
from harness.results.metrics import METRICS
from harness.results.model import Measurement, Result

METRIC = "total_cpu"
_THICKNESS = 0.6
#: Parts narrower than this share of the panel get no label.
_LABELLED_SHARE = 0.11


def draw(result: Result) -> Figure | None:
    """Draw one panel per case with CPU measurements; None if there are none."""
    shown = [case for case in cases(result) if case.measured(METRIC)]
    if not shown:
        return None
    title = page.finding(shown, METRIC, "CPU per request")
    reading = "Less is better. Solid: server CPU. Hatched: store CPU. Error bar: CI of the total."
    figure, panels = page.open_page(result, title, reading, list(map(rows.height, shown)))
    styles = style.arm_styles(result.arms())
    for panel, case in zip(panels, shown, strict=True):
        _panel(panel, case, styles)
    return figure


def _panel(panel: Axes, case: Case, styles: dict[str, style.ArmStyle]) -> None:
    measured = case.measured(METRIC)
    rows.prepare(
        panel, case, [row.arm for row in measured], f"CPU per request ({style.unit(METRICS[METRIC].unit)})"
    )
    rows.from_zero(panel, max(style.end(row.value, row.ci) for row in measured))
    for index, total in enumerate(measured):
        _parts(panel, index, case, total, styles[total.arm].colour)
        rows.whisker(panel, index, total.value, total.ci)
        edge = style.end(total.value, total.ci)
        rows.value_label(
            panel, index, edge, f"{fmt.with_interval(total.value, total.ci)} {style.unit(total.unit)}"
        )


def _parts(panel: Axes, row: int, case: Case, total: Measurement, colour: str) -> None:
    """Draw the server's part and, if the arm uses it, the store's; one bar if only the sum was measured."""
    server, store = case.find(total.arm, "server_cpu"), case.find(total.arm, "store_cpu")
    if server is None:
        _bar(panel, row, total, "server and store", color=colour)
        return
    _bar(panel, row, server, "server", color=colour, edgecolor=colour, label="server")
    _part_label(panel, row, 0, server, "server", style.ink(colour))
    if store is not None and store.value > 0:
        looks = {"color": "white", "edgecolor": colour, "hatch": "////", "label": "store"}
        _bar(panel, row, store, "store", left=server.value, **looks)
        _part_label(panel, row, server.value, store, "store", style.BLACK, boxed=True)


def _bar(panel: Axes, row: int, part: Measurement, name: str, **looks: Any) -> None:
    [bar] = panel.barh(row, part.value, _THICKNESS, **looks)
    tooltips.add_tooltips(
        bar, [f"{part.arm}, {name}: {fmt.with_interval(part.value, part.ci)} {style.unit(part.unit)}"]
    )


def _part_label(
    panel: Axes, row: int, left: float, part: Measurement, name: str, colour: str, boxed: bool = False
) -> None:
    if part.value < _LABELLED_SHARE * panel.get_xlim()[1]:
        return
    text = panel.text(
        left + part.value / 2, row, f"{name} {fmt.number(part.value)}", ha="center", va="center", color=colour
    )
    if boxed:
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.5})
    else:
        tooltips.on_colour(text)
