"""Request outcomes over time during each incident, per scheme."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
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

#: Inches: a row of panels, and the titles and axis of a block of rows.
_HEIGHT: Final = 1.1
_FRAME: Final = 1.3
_COLUMNS: Final = 2
#: Seconds of bins that are drawn together, wide enough to be visible.
_STRETCH_S: Final = 0.25
#: Events closer than this share of the time share a line and a label.
_TOGETHER: Final = 0.04
_HEADROOM: Final = 1.1
#: Labels of events closer than this share of the time are stacked this many points apart.
_CROWDED: Final = 0.3
_LINE_POINTS: Final = 10
_TITLE_POINTS: Final = 28
#: Labels of events after this share of the time end at their line, to stay inside the panel.
_LATE: Final = 0.6

#: Colours of successes, from the bottom of a stack.
_COLOURS: Final = {OK: "#D9D9D9", LOGIN: style.GREEN}
#: Colour of refusals that were intended: the account was revoked.
_WANTED: Final = style.PURPLE
_NAMES: Final = {"401": "401: logged out", "503": "503: not served"}
#: Colours of failures by the first word of the outcome.
_FAILURES: Final = {
    "401": style.ORANGE,
    "503": style.VERMILLION,
    "login": style.BLUE,
    "timeout": style.BLACK,
    "refused": style.SKY,
    "lost": style.SKY,
    "not": style.GREY,
}
#: Patterns that distinguish failures in greyscale, too.
_HATCHES: Final = {
    style.ORANGE: "....",
    style.VERMILLION: "////",
    style.BLUE: "xxxx",
    style.SKY: "\\\\\\\\",
    _WANTED: "----",
}
_READING: Final = (
    "Height: requests per second by outcome; grey is success. All schemes of an incident went through it at"
    " the same time, with one server process each; described, no verdict."
)


def draw(result: Result) -> Figure | None:
    """Draw a column of panels per incident and a panel per arm; None if the run has no incidents."""
    shown = incidents(result)
    if not shown:
        return None
    columns = min(_COLUMNS, len(shown))
    blocks = [shown[start : start + columns] for start in range(0, len(shown), columns)]
    counts = [max(len(incident.rows) for incident in block) for block in blocks]
    # Equal heights within a block: the layout sizes panels in proportion, whatever is above them.
    heights = [_HEIGHT + _FRAME / rows for rows in counts for _ in range(columns * rows)]
    figure, panels = page.open_page(result, _title(shown), _READING, heights, columns, _legend(shown))
    rest = iter(panels)
    for block, rows in zip(blocks, counts, strict=True):
        of_block = list(islice(rest, columns * rows))
        for column in range(columns):
            _column(of_block[column::columns], block[column] if column < len(block) else None)
    return figure


def _title(shown: Sequence[SharedIncident]) -> str:
    """Return a title with the arms that had no failed request, if others had some."""
    unharmed: dict[str, bool] = {}
    for row in (row for incident in shown if not incident.is_about_accounts for row in incident.rows):
        unharmed[row.arm] = unharmed.get(row.arm, True) and not row.share_failed
    arms = [arm for arm, is_unharmed in unharmed.items() if is_unharmed]
    if arms and len(arms) < len(unharmed):
        return f"No request failed with {', '.join(arms)} in any incident of the store or the key"
    return "Request outcomes during incidents"


def _legend(shown: Sequence[SharedIncident]) -> list[page.LegendEntry]:
    """Return an entry for each colour in use, in the order of the stacks."""
    outcomes = {name for incident in shown for row in incident.rows for name in _ordered(row)}
    names: dict[str, str] = {}
    for outcome in sorted(outcomes, key=_rank):
        names.setdefault(_colour(outcome), _short(outcome))
    return [(Patch(**_look(colour)), name) for colour, name in names.items()]


def _short(outcome: str) -> str:
    """Return what outcomes of one colour have in common."""
    if is_wanted(outcome):
        return "refused as intended"
    if outcome.startswith(f"{LOGIN} "):
        return "login failed"
    return _NAMES.get(outcome, outcome)


def _colour(outcome: str) -> str:
    if is_wanted(outcome):
        return _WANTED
    return _COLOURS.get(outcome) or _FAILURES.get(outcome.partition(" ")[0], style.RED)


def _look(colour: str) -> dict[str, Any]:
    """Return the matplotlib keywords for an area of this colour."""
    hatch = _HATCHES.get(colour)
    return {"facecolor": colour, "edgecolor": "white" if hatch else "none", "hatch": hatch, "linewidth": 0}


def _rank(outcome: str) -> tuple[int, str]:
    """Return the place of an outcome in a stack, from the bottom: failures above successes."""
    if outcome in _COLOURS:
        return list(_COLOURS).index(outcome), outcome
    return 2 if is_wanted(outcome) else 4 if outcome == NOT_SENT else 3, outcome


def _ordered(row: Incident) -> list[str]:
    """Return the outcomes that occurred, from the bottom of the stack to its top."""
    return sorted((name for name, counts in row.bins.outcomes.items() if any(counts)), key=_rank)


def _column(panels: Sequence[Axes], incident: SharedIncident | None) -> None:
    rows = incident.rows if incident is not None else ()
    for unused in panels[len(rows) :]:
        unused.remove()
    if incident is None:
        return
    highest = max(max(_total(row), default=0.0) for row in rows) * _HEADROOM or 1
    for panel, row in zip(panels, rows, strict=False):
        _panel(panel, row, highest)
        if row is not rows[-1]:
            panel.xaxis.set_major_formatter(NullFormatter())
    style.set_title(panels[0], incident.title, 2, _TITLE_POINTS)
    panels[len(rows) - 1].set_xlabel("time (s)")
    _name_events(panels[0], rows[0])


def _panel(panel: Axes, row: Incident, highest: float) -> None:
    stretch = _bins_per_stretch(row)
    width_s = stretch * row.bins.width_s
    below = [0.0] * len(_total(row))
    edges = [index * width_s for index in range(len(below) + 1)]
    for name in _ordered(row):
        above = [low + more for low, more in zip(below, _rate(row.bins.outcomes[name], row), strict=True)]
        # A step extends to its right edge, so the last value is needed twice.
        ends = ([*below, below[-1]], [*above, above[-1]])
        panel.fill_between(edges, *ends, step="post", **_look(_colour(name)))
        below = above
    for events in _close_events(row):
        panel.axvline(events[0].at_s, color=style.BLACK, linewidth=1, linestyle=(0, (4, 2)))
    panel.set_xlim(0, row.seconds)
    panel.set_ylim(0, highest)
    panel.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    panel.grid(False)
    panel.set_ylabel(style.label(row.arm, 14), rotation=0, ha="right", va="center", labelpad=6)


def _name_events(panel: Axes, row: Incident) -> None:
    """Label the events above the top panel, each at its line."""
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
    """Return the events, grouped where they nearly coincide."""
    groups: list[list[IncidentEvent]] = []
    for event in row.events:
        if groups and event.at_s - groups[-1][0].at_s < _TOGETHER * row.seconds:
            groups[-1].append(event)
        else:
            groups.append([event])
    return groups


def _bins_per_stretch(row: Incident) -> int:
    return max(1, round(_STRETCH_S / row.bins.width_s))


def _rate(counts: Sequence[int], row: Incident) -> list[float]:
    """Return counts per second for each stretch; the last may be shorter."""
    stretch = _bins_per_stretch(row)
    parts = [counts[start : start + stretch] for start in range(0, len(counts), stretch)]
    return [sum(part) / (len(part) * row.bins.width_s) for part in parts]


def _total(row: Incident) -> list[float]:
    """Return the requests per second of all outcomes together, for each stretch."""
    return list(map(sum, zip(*(_rate(counts, row) for counts in row.bins.outcomes.values()), strict=True)))
