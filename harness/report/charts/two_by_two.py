"""CPU per read of tokens and sessions, each as a bearer header and in a cookie."""

from __future__ import annotations

import math
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

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
#: Name, arms, colour and marker of both lines.
_LINES: Final = (
    ("token: signature check", _TOKENS, style.BLUE, "o"),
    ("session: store lookup", _SESSIONS, style.VERMILLION, "s"),
)
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
    legend = [
        (Line2D([], [], color=colour, marker=marker, linewidth=1.8), name)
        for name, _, colour, marker in _LINES
    ]
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


def _state(case: Case) -> tuple[float, Interval]:
    return _effect(case, _SESSIONS, _TOKENS)


def _transport(case: Case) -> tuple[float, Interval]:
    return _effect(case, (_TOKENS[1], _SESSIONS[1]), (_TOKENS[0], _SESSIONS[0]))


def _title(case: Case) -> str:
    state, transport = _state(case)[0], _transport(case)[0]
    return (
        f"CPU per read: {_change(state)} for a session instead of a token, {_change(transport)} for a cookie"
        " instead of a header"
    )


def _change(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"


def _headline(name: str, effect: tuple[float, Interval]) -> str:
    ratio, ci = effect
    ends = "" if ci is None else f" ({_change(ci[0])} to {_change(ci[1])})"
    return f"{name}: {_change(ratio)}{ends}"


def _panel(panel: Axes, case: Case) -> None:
    lines.prepare(panel, case.title, "", f"CPU per request ({style.unit(METRICS[METRIC].unit)})")
    rows = {row.arm: row for row in case.measured(METRIC) if row.arm in (*_TOKENS, *_SESSIONS)}
    for _, arms, colour, _ in _LINES:
        panel.plot([0, 1], [rows[arm].value for arm in arms], color=colour, linewidth=1.8, zorder=2)
    for place, (token, session) in enumerate(zip(_TOKENS, _SESSIONS, strict=True)):
        upper = max((token, session), key=lambda arm: rows[arm].value)
        for arm, (_, _, colour, marker) in zip((token, session), _LINES, strict=True):
            row = rows[arm]
            panel.errorbar(
                [place], [row.value], yerr=style.reach(row.value, row.ci), fmt=marker, color=colour, ms=7,
                elinewidth=1.4, capsize=4, zorder=3,
            )  # fmt: skip
            panel.annotate(
                f"{arm}: {fmt.with_interval(row.value, row.ci)}", (place, row.value),
                (12 if place else -12, 3 if arm == upper else -3), textcoords="offset points",
                ha="left" if place else "right", va="bottom" if arm == upper else "top", color=colour,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )  # fmt: skip
    panel.set_xticks([0, 1], ["bearer header", "cookie"])
    panel.set_xlim(-0.75, 1.75)
    panel.set_ylim(0, _ROOM * max(style.end(row.value, row.ci) for row in rows.values()))
    effects = [_headline("session vs token", _state(case)), _headline("cookie vs bearer", _transport(case))]
    panel.text(0.5, 0.04, "\n".join(effects), transform=panel.transAxes, ha="center", va="bottom")
