"""A read's median service time over the distance to the store, and where asking it would break even."""

from __future__ import annotations

from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.stats import break_even, sweeps
from harness.analysis.stats.break_even import BreakEven
from harness.analysis.stats.linear_fit import LinearFit
from harness.report.charts.parts import lines, page, style
from harness.report.content import format as fmt
from harness.results.model import Result

#: The claims that it is about.
CLAIMS: Final = (1,)
_PANEL: Final = 3.8
_MS: Final = 1e3
_READING: Final = (
    "Less is better. Mark: mean over instances, with its interval; line: fitted. Dashed, in a band: the round"
    " trip at which an arm that asks the store breaks even, with its interval; in the grey there is none."
)
#: The close-up ends so far beyond the second distance, and begins so far before what it must show.
_ROOM: Final = 1.15


def draw(result: Result) -> Figure | None:
    """All distances, and the near end close up; None where fewer than two were measured."""
    found = {arm: line for arm in result.arms() if (line := sweeps.latency(result, arm)) is not None}
    if not found:
        return None
    base = _not_asking(result, found)
    meets = {
        arm: one for arm in found if base and arm != base and (one := break_even.find(result, base, arm))
    }
    styles = style.arm_styles(list(found))
    title = _title(base, meets)
    figure, panels = page.open_page(result, title, _READING, [_PANEL] * 2, 2, lines.legend(found, styles))
    for panel, name in zip(panels, ("all distances", "the near end"), strict=True):
        lines.prepare(
            panel,
            f"{sweeps.DISTANCE}: {name}",
            "round trip to the store, as measured (ms)",
            "service time, median (ms)",
        )
    far, near = panels
    confidence = result.run.confidence
    for arm, line in found.items():
        flat = arm == base
        lines.through(far, line, styles[arm], confidence, across=_MS, up=_MS, flat=flat)
        ends = _reach(line, meets)
        lines.through(near, line, styles[arm], confidence, ends=ends, across=_MS, up=_MS, flat=flat)
    far.set_xlim(left=0)
    far.set_ylim(bottom=0)
    _close_up(near, found, meets)
    for arm, one in meets.items():
        _mark(near, one, styles[arm])
    told = [f"{arm}: {_headline(one)}" for arm, one in meets.items()]
    if told:
        text = "\n".join([f"Break-even with {base}:", *told])
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2}
        near.text(0.3, 0.97, text, transform=near.transAxes, va="top", linespacing=1.4, bbox=box)
    return figure


def _not_asking(result: Result, found: dict[str, LinearFit]) -> str | None:
    """The first arm whose reads cost no store operation."""
    for arm in found:
        rows = sweeps.rows(result, sweeps.DISTANCE, arm, "store_ops", sweeps.DELAY)
        if rows and not any(row.value for row in rows):
            return arm
    return None


def _title(base: str | None, meets: dict[str, BreakEven]) -> str:
    """The break-even of the twins, or of the last arm that has one."""
    if not meets:
        return "A read's service time over the distance to the store"
    arm = "cookie" if "cookie" in meets else list(meets)[-1]
    one = meets[arm]
    if one.high < 0:
        return f"However near the store, a read takes longer with {arm} than with {base}"
    if one.low > 0:
        return f"{arm} takes as long as {base} at a round trip to the store of {_headline(one)}"
    return f"Whether {arm} takes as long as {base} at any distance cannot be told: {_headline(one)}"


def _headline(one: BreakEven) -> str:
    return f"{fmt.number(one.value)} us ({fmt.number(one.low)} to {fmt.number(one.high)})"


def _reach(line: LinearFit, meets: dict[str, BreakEven]) -> tuple[float, float]:
    """From where to where lines are drawn close up: as far as they meet, or the store at no distance."""
    return min([0.0, *(one.low for one in meets.values())]), line.levels[1].at * _ROOM


def _close_up(panel: Axes, found: dict[str, LinearFit], meets: dict[str, BreakEven]) -> None:
    reaches = [_reach(line, meets) for line in found.values()]
    left, right = min(begin for begin, _ in reaches), max(end for _, end in reaches)
    heights = [
        point for line in found.values() for place in (left, right) for point in line.predictions(place)
    ]
    panel.set_xlim((left - 0.05 * (right - left)) / _MS, right / _MS)
    panel.set_ylim(0, max(heights) * _ROOM / _MS)
    if left < 0:
        panel.axvspan(panel.get_xlim()[0], 0, color="#EEEEEE", linewidth=0, zorder=0)


def _mark(panel: Axes, one: BreakEven, look: style.ArmStyle) -> None:
    panel.axvspan(one.low / _MS, one.high / _MS, color=look.colour, alpha=0.15, linewidth=0, zorder=1)
    panel.axvline(one.value / _MS, color=look.colour, linestyle="--", linewidth=1.4, zorder=1)
