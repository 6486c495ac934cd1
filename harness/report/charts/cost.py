"""CPU per request in the server and in the store, by scenario and load."""

from __future__ import annotations

from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.charts.parts import page, rows, style, tooltips
from harness.report.content import format as fmt
from harness.report.content.case import Case, cases
from harness.results.metrics import METRICS
from harness.results.model import Measurement, Result

METRIC: Final = "total_cpu"
_READING: Final = "Less is better. Solid: server CPU. Hatched: store CPU. Error bar: CI of the total."
_THICKNESS: Final = 0.6
#: Parts narrower than this share of the panel get no label.
_LABELLED_SHARE: Final = 0.11


def draw(result: Result) -> Figure | None:
    """Draw one panel per case with CPU measurements; None if there are none."""
    shown = [case for case in cases(result) if case.measured(METRIC)]
    panels = [(case, case.measured(METRIC), rows.height(len(case.arms))) for case in shown]
    title = page.finding(shown, METRIC, "CPU per request")
    unit = f"CPU per request ({style.unit(METRICS[METRIC].unit)})"
    return rows.chart(result, title, _READING, panels, unit, _parts)


def _parts(panel: Axes, row: int, case: Case, total: Measurement, look: style.ArmStyle) -> None:
    """Draw the server's part and, if the arm uses it, the store's; one bar if only the sum was measured."""
    server, store = case.find(total.arm, "server_cpu"), case.find(total.arm, "store_cpu")
    colour = look.colour
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
    tooltips.add_tooltips(bar, [f"{part.arm}, {name}: {style.measured(part)}"])


def _part_label(
    panel: Axes, row: int, left: float, part: Measurement, name: str, colour: str, boxed: bool = False
) -> None:
    if part.value < _LABELLED_SHARE * panel.get_xlim()[1]:
        return
    text = panel.text(
        left + part.value / 2, row, f"{name} {fmt.number(part.value)}", ha="center", va="center", color=colour
    )
    if boxed:
        text.set_bbox(style.white(1.5))
    else:
        tooltips.on_colour(text)
