"""Store memory and latency of a read, by number of logged-in sessions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.stats import sweeps
from harness.analysis.stats.estimate import contrast, split
from harness.analysis.stats.linear_fit import LinearFit
from harness.report.charts.parts import lines, page, style
from harness.report.content import format as fmt
from harness.results.model import Result

#: The claims that this chart is about.
CLAIMS: Final = (2,)
_PANEL: Final = 4.0
_MB: Final = 1e6
_SESSIONS: Final = "logged-in sessions"
#: Marks of one number of sessions are drawn side by side, the last this factor to the right of the first.
_MARKS_APART: Final = 1.25
#: Upper end of the axis, as a factor of the highest value.
_HEADROOM: Final = 1.15
_READING: Final = (
    "Less is better. Left: store memory of a scheme's keys (MEMORY USAGE), both axes logarithmic; line: fit,"
    " its slope below. Right: latency of a read while this many other sessions exist; mark: mean over server"
    " processes, with its CI. Each number of sessions was measured at a different time: a change common to"
    " all schemes is the machine's."
)


def draw(result: Result) -> Figure | None:
    """Draw store memory by number of sessions and, if it was measured, service time beside it.

    None if fewer than two numbers of sessions were measured, or no arm keeps anything in the store.
    """
    fits = lines.fits(result, sweeps.memory_by_sessions)
    kept = {arm: line for arm, line in fits.items() if lines.slope(line) > 0}
    if not kept:
        return None
    latencies = lines.fits(result, sweeps.latency_by_sessions)
    waits = {arm: latencies[arm] for arm in fits if arm in latencies}
    styles = style.arm_styles(list(fits))
    legend = [
        (mark, f"{arm}: {fmt.number(lines.slope(fits[arm]))} B per session")
        for mark, arm in lines.legend(fits if waits else kept, styles)
    ]
    columns = 2 if waits else 1
    figure, panels = page.open_page(result, _title(kept, fits), _READING, [_PANEL] * columns, columns, legend)
    _memory(panels[0], kept, styles, result.run.confidence)
    base = next((arm for arm in waits if arm not in kept), None)
    for panel in panels[1:]:
        _latency(panel, waits, base, styles, result)
    return figure


def _title(kept: dict[str, LinearFit], fits: dict[str, LinearFit]) -> str:
    largest = max(kept, key=lambda arm: lines.slope(kept[arm]))
    most = max(level.at for level in kept[largest].levels)
    total = kept[largest].predictions(most)[0] / _MB
    without = [arm for arm in fits if arm not in kept]
    suffix = f", none with {', '.join(without)}" if without else ""
    return f"{most:,.0f} sessions take {fmt.number(total)} MB of store memory with {largest}{suffix}"


def _memory(
    panel: Axes, kept: dict[str, LinearFit], styles: dict[str, style.ArmStyle], confidence: float
) -> None:
    lines.prepare(panel, f"{sweeps.POPULATION}: memory", _SESSIONS, "store memory of their keys (MB)")
    for arm, line in kept.items():
        lines.through(panel, line, styles[arm], confidence, up=_MB)
    lines.log_up(panel)
    lines.log_across(panel, (level.at for line in kept.values() for level in line.levels))


def _latency(
    panel: Axes,
    waits: dict[str, LinearFit],
    base: str | None,
    styles: dict[str, style.ArmStyle],
    result: Result,
) -> None:
    lines.prepare(panel, f"{sweeps.POPULATION}: latency", _SESSIONS, "median service time (µs)")
    highest = 0.0
    for index, (arm, line) in enumerate(waits.items()):
        shift = _MARKS_APART ** (index / max(len(waits) - 1, 1) - 0.5)
        for at, value, ci in lines.means(line, result.run.confidence):
            lines.mark(panel, at * shift, value, ci, styles[arm])
            highest = max(highest, style.end(value, ci))
    panel.set_ylim(0, _HEADROOM * highest)
    lines.log_across(panel, (level.at for line in waits.values() for level in line.levels))
    headline = "\n".join(_headline(waits, base, result.run.comparisons_confidence))
    box = style.white(2)
    panel.text(0.04, 0.04, headline, transform=panel.transAxes, va="bottom", linespacing=1.4, bbox=box)


def _headline(waits: dict[str, LinearFit], base: str | None, confidence: float) -> list[str]:
    """Return how much longer a read takes with the most sessions than with the fewest, per arm.

    Relative to the base, an arm that keeps nothing in the store, if there is one: each number of sessions was
    measured with separate servers, minutes apart, and the store did not cause a change of the base.
    """
    first = next(iter(waits.values()))
    headline = [f"From {first.first:,.0f} to {first.last:,.0f} sessions,"]
    headline.append("a read takes longer by:" if base is None else f"a read relative to {base}:")
    for arm, line in waits.items():
        if arm == base:
            continue
        groups = [*_change(line, 1), *([] if base is None else _change(waits[base], -1))]
        ends = ""
        if min(len(points) for _, points in groups) > 1:
            value, low, high = contrast(groups, confidence)
            ends = f" ({fmt.change(low)} to {fmt.change(high)})"
        else:
            value = math.prod(points[0] ** power for power, points in groups)
        headline.append(f"{arm}: {fmt.change(value)}{ends}")
    return headline


def _change(line: LinearFit, power: int) -> list[tuple[float, Sequence[float]]]:
    """Return the last level over the first, to a power, by batch, as `estimate.contrast` expects it."""
    return [
        (sign * power * len(group) / len(level.points), group)
        for sign, level in ((1, line.levels[-1]), (-1, line.levels[0]))
        for group in split(level.points, line.batches)
    ]
