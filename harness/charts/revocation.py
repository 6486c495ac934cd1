"""What it costs a read that a credential can be ended at once, beside what a session costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from harness.budgets import Figure as Asked
from harness.budgets import Operation, Reference
from harness.charts import page, rows, style
from harness.estimate import WeightedSum
from harness.reckoning import uncertain, value
from harness.report import format as fmt
from harness.report.case import FLOOR, Case, cases
from harness.result import Measurement, Result

#: The claims that it is about.
CLAIMS: Final = (27,)
METRIC: Final = "total_cpu"
_BASE: Final = "token"
#: Asks the accounts on every read, which no metric counts as a store operation.
_ASKS_ACCOUNTS: Final = ("token-lookup",)
_THICKNESS: Final = 0.6
_ROW: Final = 0.42
#: Keep a session, and so have something to end anyway.
_SESSIONS: Final = ("opaque-bearer", "cookie", "cookie-stock")
_LABEL_ROOM: Final = 1.45
_READING: Final = (
    "Less is better. CPU of a read beyond that of a plain token, which nothing ends before it expires, for"
    " all that ask on each read. Bar across an end: interval of the difference."
)


def draw(result: Result) -> Figure | None:
    """One panel a closed-loop case; None where no token that is checked was measured beside a plain one."""
    shown = [(case, found) for case in cases(result) if (found := _asking(case))]
    if not shown:
        return None
    legend = [
        (Rectangle((0, 0), 1, 1, color=style.BLUE), "token that is checked on every read"),
        (Rectangle((0, 0), 1, 1, color=style.VERMILLION), "session"),
    ]
    heights = [rows.height(case, _ROW * len(found) / len(case.arms)) for case, found in shown]
    figure, panels = page.open_page(result, _title(*shown[0]), _READING, heights, 1, legend)
    for panel, (case, found) in zip(panels, shown, strict=True):
        _panel(panel, case, found)
    return figure


def _asking(case: Case) -> list[Measurement]:
    """The CPU of every arm that asks on each read, cheapest first.

    Empty where there is no plain token, or none that is checked.
    """
    if not case.is_closed_loop or case.params or case.find(_BASE, METRIC) is None:
        return []
    asking = [
        row
        for row in case.measured(METRIC)
        if row.arm not in (FLOOR, _BASE) and (_asks(case, row.arm) or row.arm in _ASKS_ACCOUNTS)
    ]
    if all(row.arm in _SESSIONS for row in asking):
        return []
    return sorted(asking, key=lambda row: row.value)


def _asks(case: Case, arm: str) -> bool:
    operations = case.find(arm, "store_ops")
    return operations is not None and operations.value > 0


def _beyond(case: Case, arm: str) -> WeightedSum:
    """What an arm costs beyond a token, in us, by the delta method."""
    node = Operation("-", Reference(Asked(arm, METRIC)), Reference(Asked(_BASE, METRIC)))
    found: dict[Asked, Measurement] = {
        figure: row for figure in node.figures() if (row := case.find(figure.arm, METRIC)) is not None
    }
    return uncertain(node.reckon({figure: value(row) for figure, row in found.items()}), found)


def _title(case: Case, found: Sequence[Measurement]) -> str:
    """The cheapest of either kind."""
    kinds = {"a token that can be ended": False, "a session": True}
    told = []
    for name, is_session in kinds.items():
        arm = next((row.arm for row in found if (row.arm in _SESSIONS) == is_session), None)
        if arm is not None:
            told.append(f"{name} {fmt.number(_beyond(case, arm).value)} us ({arm})")
    return f"Beyond a plain token a read costs with {', with '.join(told)}"


def _panel(panel: Axes, case: Case, found: Sequence[Measurement]) -> None:
    rows.prepare(panel, case, [row.arm for row in found], f"CPU per request beyond {_BASE} (us)")
    farthest = 0.0
    for index, row in enumerate(found):
        one = _beyond(case, row.arm)
        ci = one.interval(case.result.run.comparisons_confidence) if len(row.points) > 1 else None
        colour = style.VERMILLION if row.arm in _SESSIONS else style.BLUE
        panel.barh(index, one.value, _THICKNESS, color=colour)
        rows.whisker(panel, index, one.value, ci)
        edge = style.end(one.value, ci)
        rows.value_label(
            panel, index, max(edge, 0), f"{fmt.with_interval(one.value, ci)} us, {_asked(case, row.arm)}"
        )
        farthest = max(farthest, edge)
    panel.set_xlim(right=_LABEL_ROOM * farthest)


def _asked(case: Case, arm: str) -> str:
    if arm in _ASKS_ACCOUNTS:
        return "asks the accounts"
    operations = case.find(arm, "store_ops")
    count = 0 if operations is None else round(operations.value, 2)
    return f"{count:g} store operation{'' if count == 1 else 's'}"
