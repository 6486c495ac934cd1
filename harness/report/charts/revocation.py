"""CPU that a revocation check on each read adds, compared with a scheme without one."""

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
from harness.suites.expressions import MetricTerm, Operation

#: The claims that this chart is about.
CLAIMS: Final = (27,)
METRIC: Final = "total_cpu"
_EVERY_REQUEST: Final = "every request"
_THICKNESS: Final = 0.6
_LABEL_ROOM: Final = 1.45
_READING: Final = (
    "Less is better. CPU per read beyond {base}, which checks no server-side state and so stays valid until"
    " it expires, for all schemes that check on each read. Error bar: CI of the difference."
)


def draw(result: Result) -> Figure | None:
    """Draw one panel per closed-loop case; None if none has an arm without a check and two with one."""
    shown = [
        (case, base, checking)
        for case in cases(result)
        if (base := _base(case)) is not None and len(checking := _checking(case)) > 1
    ]
    if not shown:
        return None
    heights = [rows.height(len(checking)) for _, _, checking in shown]
    reading = _READING.format(base=shown[0][1])
    figure, panels = page.open_page(result, _title(*shown[0]), reading, heights)
    for panel, (case, base, checking) in zip(panels, shown, strict=True):
        _panel(panel, case, base, checking)
    return figure


def _base(case: Case) -> str | None:
    """Return the first arm that carries a credential and checks no server-side state on a read."""
    if not case.is_closed_loop or case.params:
        return None
    return next(
        (row.arm for row in case.measured(METRIC) if row.arm != FLOOR and _lookup(case, row.arm) is None),
        None,
    )


def _checking(case: Case) -> list[Measurement]:
    """Return the CPU of each arm that checks server-side state on a read, cheapest first."""
    checking = [row for row in case.measured(METRIC) if _lookup(case, row.arm) is not None]
    return sorted(checking, key=lambda row: row.value)


def _lookup(case: Case, arm: str) -> str | None:
    """Return what a read looks up, in words; None if nothing.

    Store operations are counted in every run. No metric counts account lookups: the scheme declares them.
    """
    operations = case.find(arm, "store_ops")
    if operations is not None and operations.value > 0:
        count = round(operations.value, 2)
        return f"{count:g} store operation{'' if count == 1 else 's'}"
    declared = case.result.environment.schemes.get(arm)
    return "account lookup" if declared is not None and declared.database == _EVERY_REQUEST else None


def _beyond(case: Case, base: str, row: Measurement) -> tuple[float, Interval]:
    """Return the CPU of an arm beyond the base (us), by the delta method; no interval from one instance."""
    node = Operation("-", MetricTerm(row.arm, METRIC), MetricTerm(base, METRIC))
    measured: dict[MetricTerm, Measurement] = {
        term: match for term in node.figures() if (match := case.find(term.arm, METRIC)) is not None
    }
    whole = propagate(node.evaluate({term: evaluate(match) for term, match in measured.items()}), measured)
    several = len(row.points) > 1
    return whole.value, whole.interval(case.result.run.comparisons_confidence) if several else None


def _title(case: Case, base: str, checking: Sequence[Measurement]) -> str:
    """Return a title with the cost of the cheapest and the most expensive check."""
    least, most = (f"{_costs(case, base, row)} ({row.arm})" for row in (checking[0], checking[-1]))
    return f"A revocation check on each read adds {least} to {most} of CPU"


def _costs(case: Case, base: str, row: Measurement) -> str:
    beyond, ci = _beyond(case, base, row)
    is_significant = ci is None or not ci[0] <= 0 <= ci[1]
    return f"{fmt.number(beyond)} µs" if is_significant else "nothing significant"


def _panel(panel: Axes, case: Case, base: str, checking: Sequence[Measurement]) -> None:
    rows.prepare_case(panel, case, [row.arm for row in checking], f"CPU per request beyond {base} (µs)")
    farthest = 0.0
    for index, row in enumerate(checking):
        beyond, ci = _beyond(case, base, row)
        # The fixed colour of a reference server, or one colour for all others: rows have names.
        panel.barh(index, beyond, _THICKNESS, color=style.arm_styles([row.arm])[row.arm].colour)
        rows.whisker(panel, index, beyond, ci, whole=True)
        edge = max(beyond if ci is None else ci[1], 0)
        rows.value_label(panel, index, edge, f"{fmt.difference(beyond, ci)} µs, {_lookup(case, row.arm)}")
        farthest = max(farthest, edge)
    panel.set_xlim(right=_LABEL_ROOM * farthest)
