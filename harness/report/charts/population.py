"""What those who are logged in take in the store, and whether others wait longer for them."""

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

#: The claims that it is about.
CLAIMS: Final = (2,)
_PANEL: Final = 4.0
_MB: Final = 1e6
_PEOPLE: Final = "people logged in"
#: Marks of one number of people stand side by side, from first to last this factor apart.
_MARKS_APART: Final = 1.25
#: Above the marks, and below them for the figures, as shares of the highest.
_HEADROOM: Final = 1.15


def draw(result: Result) -> Figure | None:
    """Memory, and service time beside it where it was measured, by the number of sessions.

    None where fewer than two numbers of sessions were measured, or nobody's take anything.
    """
    found = {
        arm: line for arm in result.arms() if (line := sweeps.memory_by_sessions(result, arm)) is not None
    }
    kept = {arm: line for arm, line in found.items() if _a_session(line) > 0}
    if not kept:
        return None
    waits = {arm: line for arm in found if (line := sweeps.latency_by_sessions(result, arm)) is not None}
    styles = style.arm_styles(list(found))
    legend = [
        (mark, f"{arm}: {fmt.number(_a_session(found[arm]))} B a session")
        for mark, arm in lines.legend(found if waits else kept, styles)
    ]
    columns = 2 if waits else 1
    figure, panels = page.open_page(
        result, _title(kept, found), _reading(), [_PANEL] * columns, columns, legend
    )
    _memory(panels[0], kept, styles, result.run.confidence)
    base = next((arm for arm in waits if arm not in kept), None)
    for panel in panels[1:]:
        _latency(panel, waits, base, styles, result)
    return figure


def _reading() -> str:
    return (
        "Less is better. Left: keys of an arm in the store (MEMORY USAGE), both axes logarithmic; line:"
        " fitted, its slope below. Right: how long a read takes while so many others are logged in; mark:"
        " mean over instances, with its interval. Each number of people had its own minutes: what moved all"
        " arms alike was the machine."
    )


def _a_session(line: LinearFit) -> float:
    """Bytes for one more."""
    slopes = line.slopes()
    return sum(slopes) / len(slopes)


def _title(kept: dict[str, LinearFit], found: dict[str, LinearFit]) -> str:
    dearest = max(kept, key=lambda arm: _a_session(kept[arm]))
    most = max(level.at for level in kept[dearest].levels)
    total = kept[dearest].predictions(most)[0] / _MB
    nothing = [arm for arm in found if arm not in kept]
    besides = f"; {', '.join(nothing)} takes nothing" if nothing else ""
    return f"{most:,.0f} people logged in take {fmt.number(total)} MB in the store with {dearest}{besides}"


def _memory(
    panel: Axes, kept: dict[str, LinearFit], styles: dict[str, style.ArmStyle], confidence: float
) -> None:
    lines.prepare(panel, f"{sweeps.POPULATION}: memory", _PEOPLE, "memory of their keys in the store (MB)")
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
    lines.prepare(panel, f"{sweeps.POPULATION}: latency", _PEOPLE, "service time, median (us)")
    highest = 0.0
    for index, (arm, line) in enumerate(waits.items()):
        shift = _MARKS_APART ** (index / max(len(waits) - 1, 1) - 0.5)
        look = styles[arm]
        for level in line.levels:
            one = mean(level.points, result.run.confidence, line.batches)
            ci = None if one.low is None or one.high is None else (one.low, one.high)
            panel.errorbar(
                [level.at * shift], [one.value], yerr=style.reach(one.value, ci), fmt=look.marker,
                color=look.colour, ms=6, elinewidth=1.2, capsize=3, zorder=3,
            )  # fmt: skip
            highest = max(highest, style.end(one.value, ci))
    panel.set_xscale("log")
    panel.set_ylim(0, _HEADROOM * highest)
    lines.ticks(panel, sorted({level.at for line in waits.values() for level in line.levels}))
    told = _headline(waits, base, result.run.comparisons_confidence)
    panel.text(
        0.04, 0.04, "\n".join(told), transform=panel.transAxes,
        va="bottom", linespacing=1.4,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 2},
    )  # fmt: skip


def _headline(waits: dict[str, LinearFit], base: str | None, confidence: float) -> list[str]:
    """How much longer a read takes beside the most than beside the fewest, arm by arm.

    Over one by the base, an arm that keeps nothing of anybody in the store: both numbers were measured with
    servers of their own, minutes apart, and what moved the base meanwhile was not the store.
    """
    first = next(iter(waits.values()))
    told = [f"Beside {first.last:,.0f} instead of {first.first:,.0f},"]
    told.append("a read takes longer by:" if base is None else f"a read over one by {base}:")
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
        told.append(f"{arm}: {_more(value)}{ends}")
    return told


def _change(line: LinearFit, power: int) -> list[tuple[float, Sequence[float]]]:
    """The last level over the first, to a power, as `estimate.contrast` takes it: batch by batch."""
    return [
        (sign * power * len(group) / len(level.points), group)
        for sign, level in ((1, line.levels[-1]), (-1, line.levels[0]))
        for group in split(level.points, line.batches)
    ]


def _more(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"
