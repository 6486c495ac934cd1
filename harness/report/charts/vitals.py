"""Memory and open descriptors of each process over a long run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from harness.analysis.growth import settled_from
from harness.report.charts.parts import page, style
from harness.report.content.case import Case, cases
from harness.results.metrics import GROWTH
from harness.results.model import Result, Vitals

#: Shorter loads show little but warm-up.
SHORTEST_S: Final = 300
_PANEL_HEIGHT: Final = 2.7
_COLUMNS: Final = 2
_BAND: Final = "#EEEEEE"
_HEADROOM: Final = 1.12
#: Line styles of processes that are not servers, all in black.
_OTHERS: Final[tuple[Any, ...]] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))

_NAME_CHARACTERS: Final = 40
#: Number of marks along a line.
_MARKS: Final = 8

_READING: Final = (
    "Level is good. Line: one process, sampled between slots, when no request is in flight. Grey: warm-up,"
    " not checked for growth."
)

#: The matplotlib keywords for the line of a process.
_Look = dict[str, Any]


def draw(result: Result) -> Figure | None:
    """Draw four panels per long case: memory and descriptors of servers and others; None if none was long."""
    shown = [case for case in cases(result) if _seconds(case) >= SHORTEST_S]
    if not shown:
        return None
    looks = _looks(result, [row for case in shown for row in case.vitals()])
    groups = [group for case in shown for group in _groups(case)]
    heights = [_PANEL_HEIGHT] * _COLUMNS * len(groups)
    figure, panels = page.open_page(result, _title(shown), _READING, heights, _COLUMNS, _legend(looks))
    for index, (name, rows) in enumerate(groups):
        memory, descriptors = panels[_COLUMNS * index : _COLUMNS * (index + 1)]
        megabytes = [[value / 1e6 for value in row.rss] for row in rows]
        _panel(memory, f"{name}: memory", rows, looks, megabytes)
        memory.set_ylabel("resident memory (MB)")
        _panel(descriptors, f"{name}: descriptors", rows, looks, [row.descriptors for row in rows])
        descriptors.set_ylabel("open descriptors")
        descriptors.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    return figure


def _title(shown: Sequence[Case]) -> str:
    judged = [check.status for check in shown[0].result.validity if check.check == GROWTH]
    minutes = max(map(_seconds, shown)) / 60
    if not judged:
        return f"Memory and descriptors of each process over {minutes:.0f} minutes"
    return f"Over {minutes:.0f} minutes " + (
        "no process kept growing" if set(judged) == {"ok"} else "a process kept growing: see the checks"
    )


def _groups(case: Case) -> list[tuple[str, list[Vitals]]]:
    """Return the rows of panels of a case: its servers, and the other processes."""
    groups: dict[str, list[Vitals]] = {"servers": [], "other processes": []}
    for row in case.vitals():
        groups["servers" if row.arm else "other processes"].append(row)
    return [(f"{case.title}\n{name}", rows) for name, rows in groups.items() if rows]


def _looks(result: Result, rows: Sequence[Vitals]) -> dict[str, _Look]:
    """Return the look of each line by arm or, for other processes, by process name."""
    others = dict.fromkeys(row.process for row in rows if not row.arm)
    return {
        arm: {"color": look.colour, "marker": look.marker}
        for arm, look in style.arm_styles(result.arms()).items()
    } | {name: {"color": style.BLACK, "linestyle": dashes} for name, dashes in zip(others, cycle(_OTHERS))}


def _legend(looks: dict[str, _Look]) -> list[page.LegendEntry]:
    entries: list[page.LegendEntry] = [
        (Line2D([], [], linewidth=1.6, markersize=5, **look), style.shorten(name, _NAME_CHARACTERS))
        for name, look in looks.items()
    ]
    return [*entries, (Patch(facecolor=_BAND), "warm-up")]


def _panel(
    panel: Axes,
    title: str,
    rows: Sequence[Vitals],
    looks: dict[str, _Look],
    values: Sequence[Sequence[float]],
) -> None:
    """Draw the values of each process over time; before its growth is checked, on a band."""
    for row, heights in zip(rows, values, strict=True):
        minutes, apart = [moment / 60 for moment in row.at_s], max(len(row.at_s) // _MARKS, 1)
        look = looks[row.arm or row.process]
        panel.plot(minutes, heights, linewidth=1.3, markersize=4, markevery=apart, alpha=0.85, **look)
    panel.axvspan(0, settled_from(rows[0]) / 60, color=_BAND, lw=0, zorder=0)
    style.set_title(panel, title, 2)
    panel.set_xlim(0, max(row.at_s[-1] for row in rows) / 60)
    panel.set_ylim(0, _HEADROOM * max(map(max, values)))
    panel.yaxis.set_major_formatter(style.plain)
    panel.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    panel.grid(True, axis="both")
    panel.set_xlabel("time (minutes)")


def _seconds(case: Case) -> float:
    return max((row.at_s[-1] - row.at_s[0] for row in case.vitals()), default=0.0)
