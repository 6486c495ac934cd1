"""Every comparison that readers ask for, as a ratio with its interval beside the margin: a forest plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from harness.charts import page, style
from harness.report import format as fmt
from harness.report.case import Case, cases
from harness.result import METRICS, Comparison, Result, Verdict

#: Shown beside the primary metric of a case.
_ALWAYS: Final = ("total_cpu", "service_p50", "throughput")
_PANEL, _ROW = 0.95, 0.27
#: Above this factor between its ends the axis counts 1, 2, 5, 10; below, in equal steps.
_WIDE: Final = 8.0
_NAME_CHARACTERS: Final = 22


@dataclass(frozen=True)
class _Mark:
    """How a verdict looks: matplotlib's marker, the sign before its text, its colour."""

    marker: str
    sign: str
    colour: str


_MARKS: Final[dict[Verdict, _Mark]] = {
    "faster": _Mark("^", "\N{BLACK UP-POINTING TRIANGLE}", style.BLUE),
    "slower": _Mark("v", "\N{BLACK DOWN-POINTING TRIANGLE}", style.VERMILLION),
    "equivalent": _Mark("s", "=", style.GREEN),
    "inconclusive": _Mark("o", "?", style.BLACK),
    "not judged": _Mark("o", "", style.GREY),
}


def draw(result: Result) -> Figure | None:
    """One panel a case; None where nothing was compared."""
    shown = [(case, lines) for case in cases(result) if (lines := _lines(case))]
    if not shown:
        return None
    first = next((case for case, _ in shown if case.primary_metric), shown[0][0])
    title = page.finding([first], first.primary_metric or _ALWAYS[0], "Ratios between arms")
    heights = [_PANEL + _ROW * len(lines) for _, lines in shown]
    figure, panels = page.open_page(result, title, _reading(result), heights)
    for panel, (case, lines) in zip(panels, shown, strict=True):
        _panel(panel, case, lines)
    _share_axis(panels, result)
    return figure


def _reading(result: Result) -> str:
    margin = fmt.whole_percent(result.run.margin)
    return (
        "Ratio of the first arm to the second, with its interval. Grey band: the margin of "
        f"{margin} within which arms count as equivalent. A verdict is about the first arm of its pair."
    )


def _lines(case: Case) -> list[Comparison | str]:
    """The rows of a panel: a metric's name, then its comparisons; the primary metric first."""
    wanted = dict.fromkeys([*([case.primary_metric] if case.primary_metric else []), *_ALWAYS])
    lines: list[Comparison | str] = []
    for metric in wanted:
        compared = case.comparisons(metric) if metric != "throughput" or case.is_closed_loop else []
        lines += [metric, *compared] if compared else []
    return lines


def _panel(panel: Axes, case: Case, lines: Sequence[Comparison | str]) -> None:
    margin = case.result.run.margin
    panel.axvspan(1 / (1 + margin), 1 + margin, color="#DDDDDD", lw=0, zorder=0)
    panel.axvline(1, color=style.BLACK, lw=1, zorder=1)
    panel.set_title("\n".join(style.lines(case.title, style.TITLE_CHARACTERS)))
    panel.set_yticks(range(len(lines)), [_label(case, line) for line in lines])
    panel.set_ylim(len(lines) - 0.4, -0.6)
    panel.tick_params(axis="y", length=0)
    for index, (line, label) in enumerate(zip(lines, panel.get_yticklabels(), strict=True)):
        if isinstance(line, str):
            label.set_fontweight("bold")
        else:
            _row(panel, index, line, case.result.valid)


def _label(case: Case, line: Comparison | str) -> str:
    if not isinstance(line, str):
        return " / ".join(style.shorten(name, _NAME_CHARACTERS) for name in (line.arm, line.base))
    notes = ["primary"] if line == case.primary_metric else []
    notes += ["larger is better"] if METRICS[line].larger_is_better else []
    return METRICS[line].title + (f" ({', '.join(notes)})" if notes else "")


def _row(panel: Axes, row: int, comparison: Comparison, valid: bool) -> None:
    mark = _MARKS[comparison.verdict if valid else "not judged"]
    low, high = comparison.ci or (comparison.ratio, comparison.ratio)
    sides = [[max(comparison.ratio - low, 0)], [max(high - comparison.ratio, 0)]]
    reach = sides if comparison.ci else None
    panel.errorbar(
        [comparison.ratio], [row], xerr=reach, fmt=mark.marker, color=mark.colour, ms=7,
        ecolor=style.BLACK, elinewidth=1.4, capsize=4, barsabove=True, zorder=3,
    )  # fmt: skip
    _beside(panel, row, 8, _figures(comparison), style.BLACK)
    verdict = comparison.verdict if valid else "no verdict"
    _beside(panel, row, 148, f"{mark.sign} {verdict}".strip(), mark.colour, "bold" if mark.sign else "normal")


def _figures(comparison: Comparison) -> str:
    if comparison.ci is None:
        return f"{fmt.ratio(comparison.ratio)} (no interval)"
    return f"{fmt.ratio(comparison.ratio)} ({fmt.ratio_interval(comparison.ci)})"


def _beside(panel: Axes, row: int, points: float, text: str, colour: str, weight: str = "normal") -> None:
    """Text to the right of the panel, at the height of a row."""
    panel.annotate(
        text, (1, row), (points, 0), xycoords=panel.get_yaxis_transform(), textcoords="offset points",
        va="center", color=colour, weight=weight, annotation_clip=False,
    )  # fmt: skip


def _share_axis(panels: Sequence[Axes], result: Result) -> None:
    """The same logarithmic axis for all panels: a ratio and its inverse lie equally far from 1."""
    low = min(panel.dataLim.x0 for panel in panels)
    high = max(panel.dataLim.x1 for panel in panels)
    margin = 1 + result.run.margin
    low, high = min(low, 1 / margin), max(high, margin)
    room = (high / low) ** 0.06
    for panel in panels:
        panel.set_xscale("log")
        panel.set_xlim(low / room, high * room)
        wide = high / low > _WIDE
        panel.xaxis.set_major_locator(
            LogLocator(subs=(1.0, 2.0, 5.0)) if wide else MaxNLocator(7, steps=[1, 2, 5])
        )
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.set_xlabel("ratio (logarithmic)")
