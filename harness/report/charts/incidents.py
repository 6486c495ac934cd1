"""How each arm lived through each incident: what its requests came to, over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, NullFormatter

from harness.protocol.incidents import LOGIN, NOT_SENT, OK, is_wanted
from harness.report.charts.parts import page, style
from harness.report.content.incidents import SharedIncident, incidents
from harness.results.incidents import Incident, IncidentEvent
from harness.results.model import Result

#: Of a row of panels, and what titles above and the axis below a block of them take.
_HEIGHT: Final = 1.1
_FRAME: Final = 1.3
_COLUMNS: Final = 2
#: Bins are drawn in stretches of so many seconds, wide enough to be seen.
_STRETCH_S: Final = 0.25
#: Events closer than this share of the time have one line and one name.
_TOGETHER: Final = 0.04
_HEADROOM: Final = 1.1
#: Names of events closer than this share of the time stand one above the other, so many points apart.
_CROWDED: Final = 0.3
_LINE_POINTS: Final = 10
_TITLE_POINTS: Final = 28
#: A name of an event later than this share of the time ends at its line, so as not to leave the panel.
_LATE: Final = 0.6

#: From the bottom of a stack.
_COLOURS: Final = {OK: "#D9D9D9", LOGIN: style.GREEN}
#: Of accounts that were ended on purpose.
_WANTED: Final = style.PURPLE
_NAMES: Final = {"401": "401: logged out", "503": "503: not served"}
#: By the first word of an outcome.
_FAILURES: Final = {
    "401": style.ORANGE,
    "503": style.VERMILLION,
    "login": style.BLUE,
    "timeout": style.BLACK,
    "refused": style.SKY,
    "lost": style.SKY,
    "not": style.GREY,
}
#: So that failures are told apart in grey, too.
_HATCHES: Final = {
    style.ORANGE: "....",
    style.VERMILLION: "////",
    style.BLUE: "xxxx",
    style.SKY: "\\\\\\\\",
    _WANTED: "----",
}


def draw(result: Result) -> Figure | None:
    """A column of panels an incident, a panel an arm; None where a run had no incident."""
    shown = incidents(result)
    if not shown:
        return None
    columns = min(_COLUMNS, len(shown))
    blocks = [shown[start : start + columns] for start in range(0, len(shown), columns)]
    heights = [height for block in blocks for height in _heights(block, columns)]
    figure, panels = page.open_page(result, _title(shown), _reading(), heights, columns, _legend(shown))
    rest = iter(panels)
    for block in blocks:
        grid = [[next(rest) for _ in range(columns)] for _ in range(_rows(block))]
        for column in range(columns):
            _column([row[column] for row in grid], block[column] if column < len(block) else None)
    return figure


def _heights(block: Sequence[SharedIncident], columns: int) -> list[float]:
    """Alike within a block: the layout makes panels as high in proportion, whatever stands above them."""
    rows = _rows(block)
    return [_HEIGHT + _FRAME / rows] * (columns * rows)


def _rows(block: Sequence[SharedIncident]) -> int:
    return max(len(together.rows) for together in block)


def _title(shown: Sequence[SharedIncident]) -> str:
    """Who went on without a failure through everything, where anybody did."""
    fates: dict[str, bool] = {}
    for row in (row for together in shown if not together.is_about_accounts for row in together.rows):
        fates[row.arm] = fates.get(row.arm, True) and not row.share_failed
    well = [arm for arm, was_well in fates.items() if was_well]
    if well and len(well) < len(fates):
        return f"Nothing failed at {', '.join(well)}, whatever happened to the store or the key"
    return "What requests came to while something went wrong"


def _reading() -> str:
    return (
        "Height: requests a second, by what came of them. Grey is good. All arms of an incident lived through"
        " it at the same moment, one instance of each; described, not judged."
    )


def _legend(shown: Sequence[SharedIncident]) -> list[page.LegendEntry]:
    """A name for each colour there is, in the order of the stacks."""
    outcomes = {name for together in shown for row in together.rows for name in _ordered(row)}
    names: dict[str, str] = {}
    for outcome in sorted(outcomes, key=_rank):
        names.setdefault(_colour(outcome), _short(outcome))
    return [(Patch(**_look(colour)), name) for colour, name in names.items()]


def _short(outcome: str) -> str:
    """What outcomes of one colour have in common."""
    if is_wanted(outcome):
        return "refused, as it should be"
    if outcome.startswith(f"{LOGIN} "):
        return "login failed"
    return _NAMES.get(outcome, outcome)


def _colour(outcome: str) -> str:
    if is_wanted(outcome):
        return _WANTED
    return _COLOURS.get(outcome) or _FAILURES.get(outcome.partition(" ")[0], style.RED)


def _look(colour: str) -> dict[str, Any]:
    """How an area of this colour is drawn, in matplotlib's words."""
    hatch = _HATCHES.get(colour)
    return {"facecolor": colour, "edgecolor": "white" if hatch else "none", "hatch": hatch, "linewidth": 0}


def _rank(outcome: str) -> tuple[int, str]:
    """Its place in a stack, from the bottom: failures on what went well."""
    if outcome in _COLOURS:
        return list(_COLOURS).index(outcome), outcome
    return 2 if is_wanted(outcome) else 4 if outcome == NOT_SENT else 3, outcome


def _ordered(row: Incident) -> list[str]:
    """The outcomes that were met, from the bottom of the stack to its top."""
    return sorted((name for name, counts in row.bins.outcomes.items() if any(counts)), key=_rank)


def _column(panels: Sequence[Axes], together: SharedIncident | None) -> None:
    rows = together.rows if together is not None else ()
    for unused in panels[len(rows) :]:
        unused.remove()
    if together is None:
        return
    highest = max(max(_total(row), default=0.0) for row in rows) * _HEADROOM or 1
    for panel, row in zip(panels, rows, strict=False):
        _panel(panel, row, highest)
        if row is not rows[-1]:
            panel.xaxis.set_major_formatter(NullFormatter())
    panels[0].set_title(
        "\n".join(style.lines(together.title, style.TITLE_CHARACTERS // 2)), pad=_TITLE_POINTS
    )
    panels[len(rows) - 1].set_xlabel("time (s)")
    _name_events(panels[0], rows[0])


def _panel(panel: Axes, row: Incident, highest: float) -> None:
    stretch = _bins_a_stretch(row)
    width_s = stretch * row.bins.width_s
    below = [0.0] * len(_total(row))
    edges = [index * width_s for index in range(len(below) + 1)]
    for name in _ordered(row):
        above = [low + more for low, more in zip(below, _rate(row.bins.outcomes[name], row), strict=True)]
        # A step holds to its right edge, so that the last one needs its value twice.
        ends = ([*below, below[-1]], [*above, above[-1]])
        panel.fill_between(edges, *ends, step="post", **_look(_colour(name)))
        below = above
    for events in _close_events(row):
        panel.axvline(events[0].at_s, color=style.BLACK, linewidth=1, linestyle=(0, (4, 2)))
    panel.set_xlim(0, row.seconds)
    panel.set_ylim(0, highest)
    panel.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    panel.grid(False)
    panel.set_ylabel(
        "\n".join(style.lines(style.shorten(row.arm, 28), 14)),
        rotation=0,
        ha="right",
        va="center",
        labelpad=6,
    )


def _name_events(panel: Axes, row: Incident) -> None:
    """The events' names above the top panel, each at its line."""
    before_s, level = -row.seconds, 0
    for events in _close_events(row):
        at_s = events[0].at_s
        level = 1 - level if at_s - before_s < _CROWDED * row.seconds else 0
        before_s = at_s
        panel.annotate(
            ", ".join(dict.fromkeys(event.what for event in events)),
            (at_s, 1),
            (0, 3 + _LINE_POINTS * level),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            fontsize=style.SMALL,
            ha="right" if at_s > _LATE * row.seconds else "left",
            va="bottom",
        )


def _close_events(row: Incident) -> list[list[IncidentEvent]]:
    """The events, those that nearly coincide together."""
    groups: list[list[IncidentEvent]] = []
    for event in row.events:
        if groups and event.at_s - groups[-1][0].at_s < _TOGETHER * row.seconds:
            groups[-1].append(event)
        else:
            groups.append([event])
    return groups


def _bins_a_stretch(row: Incident) -> int:
    return max(1, round(_STRETCH_S / row.bins.width_s))


def _rate(counts: Sequence[int], row: Incident) -> list[float]:
    """Counts a second, stretch by stretch; the last may be shorter."""
    stretch = _bins_a_stretch(row)
    parts = [counts[start : start + stretch] for start in range(0, len(counts), stretch)]
    return [sum(part) / (len(part) * row.bins.width_s) for part in parts]


def _total(row: Incident) -> list[float]:
    """All outcomes together, stretch by stretch."""
    return [
        sum(rates) for rates in zip(*(_rate(one, row) for one in row.bins.outcomes.values()), strict=True)
    ]
