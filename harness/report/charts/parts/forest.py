"""Forest plots: ratios with their intervals as rows around the line at 1, all panels with one axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

from harness.report.charts.parts import rows, style, tooltips
from harness.report.content import format as fmt
from harness.results.base import Interval, Verdict

_ROW: Final = 0.27
_NAME_CHARACTERS: Final = 22
#: Above this factor between its ends the axis has ticks at 1, 2, 5, 10; below, in equal steps.
_WIDE: Final = 8.0
#: Intervals are drawn up to this factor from their ratio; the numbers beside them are not cut.
_WIDEST: Final = 100.0


#: Look of a verdict: matplotlib marker, sign before the text, colour.
_MARKS: Final[dict[Verdict, tuple[str, str, str]]] = {
    "faster": ("^", "\N{BLACK UP-POINTING TRIANGLE}", style.BLUE),
    "slower": ("v", "\N{BLACK DOWN-POINTING TRIANGLE}", style.VERMILLION),
    "equivalent": ("s", "=", style.GREEN),
    "inconclusive": ("o", "?", style.BLACK),
    "not judged": ("o", "", style.GREY),
}


def height(count: int) -> float:
    """Return the height in inches of a panel with this many rows."""
    return rows.height(count, _ROW)


def names(*arms: str) -> str:
    """Return the label of a row about an arm, or about a pair of arms."""
    return " / ".join(style.shorten(arm, _NAME_CHARACTERS) for arm in arms)


def prepare(panel: Axes, title: str, labels: Sequence[str], heads: Sequence[bool], margin: float) -> None:
    """Draw title, row labels, the line at 1 and the margin around it.

    Args:
        panel: Panel to draw in.
        title: Title of the panel.
        labels: Label of each row.
        heads: Whether each row is a heading of those below.
        margin: Equivalence margin, as a fraction; 0 for none.
    """
    if margin:
        panel.axvspan(1 / (1 + margin), 1 + margin, color="#DDDDDD", lw=0, zorder=0)
    panel.axvline(1, color=style.BLACK, lw=1, zorder=1)
    rows.prepare(panel, title, labels, "ratio (logarithmic)", 0.6)
    for is_head, label in zip(heads, panel.get_yticklabels(), strict=True):
        if is_head:
            label.set_fontweight("bold")


def row(panel: Axes, index: int, ratio: float, ci: Interval, marker: str, colour: str) -> None:
    """Draw a ratio with its interval, and print both beside the panel."""
    low, high = ci or (ratio, ratio)
    low, high = max(low, ratio / _WIDEST), min(high, ratio * _WIDEST)
    reach = [[max(ratio - low, 0)], [max(high - ratio, 0)]] if ci else None
    drawn = panel.errorbar(
        [ratio], [index], xerr=reach, fmt=marker, color=colour, ms=9,
        ecolor=style.BLACK, elinewidth=1.4, capsize=4, barsabove=True, zorder=3,
    )  # fmt: skip
    figures = f"{fmt.ratio(ratio)} ({fmt.ratio_interval(ci) if ci else 'no interval'})"
    tooltips.add_tooltips(drawn.lines[0], [figures])
    _print_beside(panel, index, 8, figures, style.BLACK)


def judged(panel: Axes, index: int, ratio: float, ci: Interval, verdict: Verdict, text: str = "") -> None:
    """Draw a ratio with its interval and its verdict.

    Args:
        panel: Panel to draw in.
        index: Number of the row.
        ratio: Arm over base.
        ci: Interval of the ratio.
        verdict: Verdict, which sets the look of the row.
        text: Text beside the row; the verdict by default.
    """
    marker, sign, colour = _MARKS[verdict]
    row(panel, index, ratio, ci, marker, colour)
    weight = "bold" if sign else "normal"
    _print_beside(panel, index, 148, f"{sign} {text or verdict}".strip(), colour, weight)


def _print_beside(
    panel: Axes, index: int, points: float, text: str, colour: str, weight: str = "normal"
) -> None:
    """Print text to the right of the panel, at the height of a row."""
    panel.annotate(
        text, (1, index), (points, 0), xycoords=panel.get_yaxis_transform(), textcoords="offset points",
        va="center", color=colour, weight=weight, annotation_clip=False,
    )  # fmt: skip


def share_axis(panels: Sequence[Axes], margin: float) -> None:
    """Set the same logarithmic axis in all panels: a ratio and its inverse are equally far from 1.

    At least the margin, a fraction, is shown on both sides of 1.
    """
    low = min(panel.dataLim.x0 for panel in panels)
    high = max(panel.dataLim.x1 for panel in panels)
    low, high = min(low, 1 / (1 + margin)), max(high, 1 + margin)
    room = (high / low) ** 0.06
    for panel in panels:
        panel.set_xscale("log")
        panel.set_xlim(low / room, high * room)
        wide = high / low > _WIDE
        panel.xaxis.set_major_locator(
            LogLocator(subs=(1.0, 2.0, 5.0)) if wide else MaxNLocator(7, steps=[1, 2, 5])
        )
        panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        panel.xaxis.set_minor_locator(NullLocator())
        panel.xaxis.set_minor_formatter(NullFormatter())
