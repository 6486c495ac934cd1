"""Store memory and latency of a read, by number of logged-in sessions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.stats import sweeps
from harness.analysis.stats.estimate import contrast, mean, split
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


def draw(result: Result) -> Figure | None:
    """Draw store memory by number of sessions and, if it was measured, service time beside it.

    None if fewer than two numbers of sessions were measured, or no arm keeps anything in the store.
    """
    fits = {
        arm: line for arm in result.arms() if (line := sweeps.memory_by_sessions(result, arm)) is not None
    }
    kept = {arm: line for arm, line in fits.items() if _bytes_per_session(line) > 0}
    if not kept:
        return None
    waits = {arm: line for arm in fits if (line := sweeps.latency_by_sessions(result, arm)) is not None}
    styles = style.arm_styles(list(fits))
    legend = [
        (mark, f"{arm}: {fmt.number(_bytes_per_session(fits[arm]))} B per session")
        for mark, arm in lines.legend(fits if waits else kept, styles)
    ]
    columns = 2 if waits else 1
    figure, panels = page.open_page(
        result, _title(kept, fits), _reading(), [_PANEL] * columns, columns, legend
    )
    _memory(panels[0], kept, styles, result.run.confidence)
    base = next((arm for arm in waits if arm not in kept), None)
    for panel in panels[1:]:
        _latency(panel, waits, base, styles, result)
    return figure


def _reading() -> str:
    return (
        "Less is better. Left: store memory of a scheme's keys (MEMORY USAGE), both axes logarithmic; line:"
        " fit, its slope below. Right: latency of a read while this many other sessions exist; mark: mean"
        " over server processes, with its CI. Each number of sessions was measured at a different time: a"
        " change common to all schemes is the machine's."
    )


def _bytes_per_session(line: LinearFit) -> float:
    """Return the bytes that one more session takes."""
    slopes = line.slopes()
    return sum(slopes) / len(slopes)


def _title(kept: dict[str, LinearFit], fits: dict[str, LinearFit]) -> str:
    largest = max(kept, key=lambda arm: _bytes_per_session(kept[arm]))
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
    panel.set_xscale("log")
    panel.set_yscale("log")
    lines.ticks(panel, sorted({level.at for line in kept.values() for level in line.levels}))
    lines.plain(panel.yaxis)


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
        look = styles[arm]
        for level in line.levels:
            estimate = mean(level.points, result.run.confidence, line.batches)
            ci = None if estimate.low is None or estimate.high is None else (estimate.low, estimate.high)
            panel.errorbar(
                [level.at * shift], [estimate.value], yerr=style.reach(estimate.value, ci), fmt=look.marker,
                color=look.colour, ms=6, elinewidth=1.2, capsize=3, zorder=3,
            )  # fmt: skip
            highest = max(highest, style.end(estimate.value, ci))
    panel.set_xscale("log")
    panel.set_ylim(0, _HEADROOM * highest)
    lines.ticks(panel, sorted({level.at for line in waits.values() for level in line.levels}))
    headline = _headline(waits, base, result.run.comparisons_confidence)
    panel.text(
        0.04, 0.04, "\n".join(headline), transform=panel.transAxes,
        va="bottom", linespacing=1.4,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 2},
    )  # fmt: skip


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
            ends = f" ({_more(low)} to {_more(high)})"
        else:
            value = math.prod(points[0] ** power for power, points in groups)
        headline.append(f"{arm}: {_more(value)}{ends}")
    return headline


def _change(line: LinearFit, power: int) -> list[tuple[float, Sequence[float]]]:
    """Return the last level over the first, to a power, by batch, as `estimate.contrast` expects it."""
    return [
        (sign * power * len(group) / len(level.points), group)
        for sign, level in ((1, line.levels[-1]), (-1, line.levels[0]))
        for group in split(level.points, line.batches)
    ]


def _more(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"
