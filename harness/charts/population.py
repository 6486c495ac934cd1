"""What those who are logged in take in the store."""

from __future__ import annotations

from typing import Final

from matplotlib.figure import Figure

from harness import levels
from harness.charts import lines, page, style
from harness.line import Line
from harness.report import format as fmt
from harness.result import Result

#: The claims that it is about.
CLAIMS: Final = (2,)
_PANEL: Final = 4.0
_MB: Final = 1e6


def draw(result: Result) -> Figure | None:
    """One panel, logarithmic both ways; None where fewer than two numbers of sessions were measured."""
    found = {
        arm: line for arm in result.arms() if (line := levels.memory_by_sessions(result, arm)) is not None
    }
    kept = {arm: line for arm, line in found.items() if _a_session(line) > 0}
    if not kept:
        return None
    styles = style.arm_styles(result.arms())
    legend = [
        (mark, f"{arm}: {fmt.number(_a_session(kept[arm]))} B a session")
        for mark, arm in lines.legend(kept, styles)
    ]
    figure, [panel] = page.open_page(result, _title(kept, found), _reading(), [_PANEL], 1, legend)
    lines.prepare(panel, levels.POPULATION, "people logged in", "memory of their keys in the store (MB)")
    for arm, line in kept.items():
        lines.through(panel, line, styles[arm], result.run.confidence, up=_MB)
    panel.set_xscale("log")
    panel.set_yscale("log")
    lines.ticks(panel, sorted({level.at for line in kept.values() for level in line.levels}))
    lines.plain(panel.yaxis)
    return figure


def _reading() -> str:
    return (
        "Less is better. Mark: measured (MEMORY USAGE of an arm's keys); line: fitted, its slope below. Both"
        " axes are logarithmic."
    )


def _a_session(line: Line) -> float:
    """Bytes for one more."""
    slopes = line.slopes()
    return sum(slopes) / len(slopes)


def _title(kept: dict[str, Line], found: dict[str, Line]) -> str:
    dearest = max(kept, key=lambda arm: _a_session(kept[arm]))
    most = max(level.at for level in kept[dearest].levels)
    total = kept[dearest].points(most)[0] / _MB
    nothing = [arm for arm in found if arm not in kept]
    besides = f"; {', '.join(nothing)} takes nothing" if nothing else ""
    return f"{most:,.0f} people logged in take {fmt.number(total)} MB in the store with {dearest}{besides}"
