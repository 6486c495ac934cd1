"""CPU per read of tokens and sessions, each as a bearer header and in a cookie."""

from __future__ import annotations

import math
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.stats.contrasts import effect_powers
from harness.analysis.stats.estimate import log_contrast
from harness.report.charts.parts import lines, page, style
from harness.report.content import format as fmt
from harness.report.content.case import Case, cases
from harness.results.base import Interval
from harness.results.metrics import METRICS
from harness.results.model import Result

#: The claims that this chart is about.
CLAIMS: Final = (13,)
METRIC: Final = "total_cpu"
_PANEL: Final = 4.0
#: Arms without and with state on the server: as bearer, and in a cookie.
_TOKENS: Final = ("token", "token-cookie")
_SESSIONS: Final = ("opaque-bearer", "cookie")
_ROOM: Final = 1.2
#: Look and arms of both lines, by name.
_LOOKS: Final = {
    "token: signature check": style.ArmStyle(style.BLUE, "o"),
    "session: store lookup": style.ArmStyle(style.VERMILLION, "s"),
}
_LINES: Final = tuple(zip((_TOKENS, _SESSIONS), _LOOKS.values(), strict=True))
_READING: Final = (
    "Less is better. Gap between the lines: cost of a session; slope: cost of a cookie."
    " Mark: mean over server processes, with its CI."
)


def draw(result: Result) -> Figure | None:
    """Draw one panel per closed-loop case with all four arms; None if there is none."""
    shown = [
        case
        for case in cases(result)
        if case.is_closed_loop and {*_TOKENS, *_SESSIONS} <= {row.arm for row in case.measured(METRIC)}
    ]
    if not shown:
        return None
    legend = lines.legend(_LOOKS, _LOOKS)
    figure, panels = page.open_page(result, _title(shown[0]), _READING, [_PANEL] * len(shown), 1, legend)
    for panel, case in zip(panels, shown, strict=True):
        _panel(panel, case)
    return figure


def _effect(case: Case, more: tuple[str, str], less: tuple[str, str]) -> tuple[float, Interval]:
    """Return the geometric mean of two arms over that of two others, and its interval."""
    rows = {row.arm: row for row in case.measured(METRIC)}
    groups = effect_powers([rows[arm] for arm in more], [rows[arm] for arm in less])
    if not groups:
        value = math.prod(rows[arm].value for arm in more) / math.prod(rows[arm].value for arm in less)
        return math.sqrt(value), None
    ratio, low, high = log_contrast(groups).ratio(case.result.run.comparisons_confidence)
    return ratio, (low, high)


def _effects(case: Case) -> dict[str, tuple[float, Interval]]:
    bearer, cookie = zip(_TOKENS, _SESSIONS, strict=True)
    return {
        "session vs token": _effect(case, _SESSIONS, _TOKENS),
        "cookie vs bearer": _effect(case, cookie, bearer),
    }


def _title(case: Case) -> str:
    state, transport = (ratio for ratio, _ in _effects(case).values())
    return (
        f"CPU per read: {fmt.change(state)} for a session instead of a token, {fmt.change(transport)} for a"
        " cookie instead of a header"
    )


def _headline(name: str, ratio: float, ci: Interval) -> str:
    ends = "" if ci is None else f" ({fmt.change(ci[0])} to {fmt.change(ci[1])})"
    return f"{name}: {fmt.change(ratio)}{ends}"


def _panel(panel: Axes, case: Case) -> None:
    lines.prepare(panel, case.title, "", f"CPU per request ({style.unit(METRICS[METRIC].unit)})")
    rows = {row.arm: row for row in case.measured(METRIC) if row.arm in (*_TOKENS, *_SESSIONS)}
    for arms, look in _LINES:
        panel.plot([0, 1], [rows[arm].value for arm in arms], color=look.colour, linewidth=1.8, zorder=2)
    for place in (0, 1):
        upper = max((_TOKENS[place], _SESSIONS[place]), key=lambda arm: rows[arm].value)
        for arms, look in _LINES:
            row = rows[arms[place]]
            lines.mark(panel, place, row.value, row.ci, look, ms=7, elinewidth=1.4, capsize=4)
            panel.annotate(
                f"{row.arm}: {fmt.with_interval(row.value, row.ci)}", (place, row.value),
                (12 if place else -12, 3 if row.arm == upper else -3), textcoords="offset points",
                ha="left" if place else "right", va="bottom" if row.arm == upper else "top",
                color=look.colour, bbox=style.white(1),
            )  # fmt: skip
    panel.set_xticks([0, 1], ["bearer header", "cookie"])
    panel.set_xlim(-0.75, 1.75)
    panel.set_ylim(0, _ROOM * max(style.end(row.value, row.ci) for row in rows.values()))
    effects = "\n".join(_headline(name, *effect) for name, effect in _effects(case).items())
    panel.text(0.5, 0.04, effects, transform=panel.transAxes, ha="center", va="bottom")
