"""Median service time of a read by round-trip time (RTT) to the store, with break-even points."""

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

#: The claims that this chart is about.
CLAIMS: Final = (1,)
_PANEL: Final = 3.8
_MS: Final = 1e3
_READING: Final = (
    "Less is better. Mark: mean over server processes, with its CI; line: fit. Dashed line in a band: RTT"
    " at which a scheme that queries the store breaks even, with its CI; grey: negative RTTs, which do not"
    " exist."
)
#: The close-up extends by this factor beyond the second RTT, and above the highest value.
_ROOM: Final = 1.15


def draw(result: Result) -> Figure | None:
    """Draw all RTTs and a close-up of the shortest; None if fewer than two RTTs were measured."""
    fits = lines.fits(result, sweeps.latency)
    if not fits:
        return None
    base = _without_store(result, fits)
    points = {
        arm: point for arm in fits if base and arm != base and (point := break_even.find(result, base, arm))
    }
    styles = style.arm_styles(list(fits))
    legend = lines.legend(fits, styles)
    figure, (far, near) = page.open_page(result, _title(base, points), _READING, [_PANEL] * 2, 2, legend)
    for panel, name in ((far, "all RTTs"), (near, "short RTTs")):
        title = f"{sweeps.DISTANCE}: {name}"
        lines.prepare(panel, title, "measured RTT to the store (ms)", "median service time (ms)")
        for arm, line in fits.items():
            lines.through(
                panel, line, styles[arm], result.run.confidence,
                ends=_reach(line, points) if panel is near else None, across=_MS, up=_MS, flat=arm == base,
            )  # fmt: skip
    far.set_xlim(left=0)
    far.set_ylim(bottom=0)
    _close_up(near, fits, points)
    for arm, point in points.items():
        _mark(near, point, styles[arm])
    labels = [f"{arm}: {_headline(point)}" for arm, point in points.items()]
    if labels:
        text = "\n".join([f"Break-even with {base}:", *labels])
        box = style.white(2, 0.85)
        near.text(0.3, 0.97, text, transform=near.transAxes, va="top", linespacing=1.4, bbox=box)
    return figure


def _without_store(result: Result, fits: dict[str, LinearFit]) -> str | None:
    """Return the first arm that needs no store operation for a read."""
    for arm in fits:
        rows = sweeps.rows(result, sweeps.DISTANCE, arm, "store_ops", sweeps.DELAY)
        if rows and not any(row.value for row in rows):
            return arm
    return None


def _title(base: str | None, points: dict[str, BreakEven]) -> str:
    """Return a title with the break-even of cookie, or of the last arm that has one."""
    if not points:
        return "Median service time of a read by RTT to the store"
    arm = "cookie" if "cookie" in points else list(points)[-1]
    point = points[arm]
    if point.high < 0:
        return f"A read takes longer with {arm} than with {base} at any store latency"
    if point.low > 0:
        return f"{arm} is as fast as {base} at an RTT to the store of {_headline(point)}"
    return f"Inconclusive whether {arm} is as fast as {base} at any RTT to the store: {_headline(point)}"


def _headline(point: BreakEven) -> str:
    return f"{fmt.number(point.value)} µs ({fmt.number(point.low)} to {fmt.number(point.high)})"


def _reach(line: LinearFit, points: dict[str, BreakEven]) -> tuple[float, float]:
    """Return the RTTs (us) between which a line is drawn in the close-up, break-even points included."""
    return min([0.0, *(point.low for point in points.values())]), line.levels[1].at * _ROOM


def _close_up(panel: Axes, fits: dict[str, LinearFit], points: dict[str, BreakEven]) -> None:
    reaches = [_reach(line, points) for line in fits.values()]
    left, right = min(begin for begin, _ in reaches), max(end for _, end in reaches)
    heights = [
        height for line in fits.values() for place in (left, right) for height in line.predictions(place)
    ]
    panel.set_xlim((left - 0.05 * (right - left)) / _MS, right / _MS)
    panel.set_ylim(0, max(heights) * _ROOM / _MS)
    if left < 0:
        panel.axvspan(panel.get_xlim()[0], 0, color="#EEEEEE", linewidth=0, zorder=0)


def _mark(panel: Axes, point: BreakEven, look: style.ArmStyle) -> None:
    panel.axvspan(point.low / _MS, point.high / _MS, color=look.colour, alpha=0.15, linewidth=0, zorder=1)
    panel.axvline(point.value / _MS, color=look.colour, linestyle="--", linewidth=1.4, zorder=1)
