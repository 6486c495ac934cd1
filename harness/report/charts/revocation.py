"""What it costs a read to ask whether its credential was ended: all arms that do, over one that does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.stats.propagation import evaluate, propagate
from harness.report.charts.parts import page, rows, style
from harness.report.content import format as fmt
from harness.report.content.case import Case, cases
from harness.results.base import Interval
from harness.results.model import Measurement, Result
from harness.suites.arms import FLOOR
from harness.suites.expressions import MetricTerm as Asked
from harness.suites.expressions import Operation, Reference

#: The claims that it is about.
CLAIMS: Final = (27,)
METRIC: Final = "total_cpu"
_EVERY_REQUEST: Final = "every request"
_THICKNESS: Final = 0.6
_ROW: Final = 0.42
_LABEL_ROOM: Final = 1.45
_READING: Final = (
    "Less is better. CPU of a read beyond that of {base}, which asks nobody and so goes on until it expires,"
    " of all that ask on each read. Bar across an end: interval of the difference."
)


def draw(result: Result) -> Figure | None:
    """One panel a closed-loop case; None where not two that ask were measured beside one that does not."""
    shown = [
        (case, base, asking)
        for case in cases(result)
        if (base := _base(case)) is not None and len(asking := _asking(case)) > 1
    ]
    if not shown:
        return None
    heights = [rows.height(case, _ROW * len(asking) / len(case.arms)) for case, _, asking in shown]
    reading = _READING.format(base=shown[0][1])
    figure, panels = page.open_page(result, _title(*shown[0]), reading, heights)
    for panel, (case, base, asking) in zip(panels, shown, strict=True):
        _panel(panel, case, base, asking)
    return figure


def _base(case: Case) -> str | None:
    """The first arm that carries a credential and asks nothing on a read."""
    if not case.is_closed_loop or case.params:
        return None
    return next(
        (row.arm for row in case.measured(METRIC) if row.arm != FLOOR and _asks(case, row.arm) is None), None
    )


def _asking(case: Case) -> list[Measurement]:
    """The CPU of every arm that asks on each read, cheapest first."""
    asking = [row for row in case.measured(METRIC) if _asks(case, row.arm) is not None]
    return sorted(asking, key=lambda row: row.value)


def _asks(case: Case, arm: str) -> str | None:
    """What a read asks, in words; None for nothing.

    Store operations are counted in every run. That accounts are asked no metric tells: the scheme says so.
    """
    operations = case.find(arm, "store_ops")
    if operations is not None and operations.value > 0:
        count = round(operations.value, 2)
        return f"{count:g} store operation{'' if count == 1 else 's'}"
    declared = case.result.environment.schemes.get(arm)
    return "asks the accounts" if declared is not None and declared.database == _EVERY_REQUEST else None


def _beyond(case: Case, base: str, row: Measurement) -> tuple[float, Interval]:
    """What an arm costs beyond the base, in us, by the delta method; no interval from one instance."""
    node = Operation("-", Reference(Asked(row.arm, METRIC)), Reference(Asked(base, METRIC)))
    found: dict[Asked, Measurement] = {
        figure: one for figure in node.figures() if (one := case.find(figure.arm, METRIC)) is not None
    }
    whole = propagate(node.reckon({figure: evaluate(one) for figure, one in found.items()}), found)
    several = len(row.points) > 1
    return whole.value, whole.interval(case.result.run.comparisons_confidence) if several else None


def _title(case: Case, base: str, asking: Sequence[Measurement]) -> str:
    """The cheapest and the dearest."""
    least, most = (f"{_costs(case, base, row)} ({row.arm})" for row in (asking[0], asking[-1]))
    return f"To ask on each read costs {least} to {most} more than {base}"


def _costs(case: Case, base: str, row: Measurement) -> str:
    one, ci = _beyond(case, base, row)
    is_told_apart = ci is None or not ci[0] <= 0 <= ci[1]
    return f"{fmt.number(one)} us" if is_told_apart else "nothing that can be told"


def _panel(panel: Axes, case: Case, base: str, asking: Sequence[Measurement]) -> None:
    rows.prepare(panel, case, [row.arm for row in asking], f"CPU per request beyond {base} (us)")
    farthest = 0.0
    for index, row in enumerate(asking):
        beyond, ci = _beyond(case, base, row)
        panel.barh(index, beyond, _THICKNESS, color=_colour(row.arm))
        rows.whisker(panel, index, beyond, ci, whole=True)
        edge = max(beyond if ci is None else ci[1], 0)
        told = f"{fmt.difference(beyond, ci)} us, {_asks(case, row.arm)}"
        rows.value_label(panel, index, edge, told)
        farthest = max(farthest, edge)
    panel.set_xlim(right=_LABEL_ROOM * farthest)


def _colour(arm: str) -> str:
    """That of the session that all others stand beside, or the one of all others: rows have names."""
    return style.arm_styles([arm])[arm].colour
