"""Charts of metrics over time: a panel per case, a line per arm, and changes of level."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.stats.change_points import FEWEST
from harness.report.charts.parts import page, style, tooltips, vector
from harness.report.content import format as fmt
from harness.report.content.model import Drawing
from harness.report.history.series import RATIOS, History, Series, title

_PANEL: Final = 2.6
#: Labels of changes at the same place are stacked this many points apart.
_LINE_POINTS: Final = 11
_NAME_CHARACTERS: Final = 40
#: Labels of changes after this share of the runs end at their line, to stay inside the panel.
_LATE: Final = 0.6
#: Room above and below the points, as a share of their range.
_ROOM: Final = 0.3
#: More dates than this below a panel would overlap.
_MAX_LABELS: Final = 20
#: Reach of an interval that is not drawn.
_NOTHING: Final = [[math.nan], [math.nan]]
_READING: Final = (
    "Each point is a run, oldest on the left, with its within-run CI (run-to-run variation not included)."
    " Bar: the level between two changes; dashed line: a change of level and its size."
)


def draw_history(history: History, folder: Path) -> list[Path]:
    """Draw a chart for each metric and one for ratios as PNG and SVG, and return the files written."""
    with style.applied():
        return [
            path for name, figure in figures(history).items() for path in style.save(figure, folder / name)
        ]


def inline_history(history: History) -> list[Drawing]:
    """Return the same charts as inline SVG for the viewer, with a tooltip for each run."""
    with style.applied():
        drawn = zip(history.groups(), figures(history).items(), strict=True)
        return [vector.inline(figure, file, _subject(name)) for name, (file, figure) in drawn]


def figures(history: History) -> dict[str, Figure]:
    """Return a chart for each metric and one for ratios, by file name."""
    caption = f"{history.runs} results, times in UTC"
    return {f"history-{name}": _figure(name, panels, caption) for name, panels in history.groups().items()}


def _figure(name: str, panels: Mapping[str, Sequence[Series]], caption: str) -> Figure:
    headline = f"{_subject(name)}: {_finding([series for group in panels.values() for series in group])}"
    figure, axes = page.open_page_of_several(headline, _READING, caption, [_PANEL] * len(panels))
    for panel, (case, group) in zip(axes, panels.items(), strict=True):
        _panel(panel, case, group)
    return figure


def _subject(name: str) -> str:
    return "Ratios between schemes" if name == RATIOS else title(name)


def _finding(group: Sequence[Series]) -> str:
    """Return the latest change of level and the number of series that changed, in words."""
    changed = [series for series in group if series.changes]
    if all(len(series.points) < FEWEST for series in group):
        return f"at least {FEWEST} runs are needed for change detection"
    if not changed:
        return "no change of level"
    last = max(changed, key=lambda series: series.points[series.changes[-1].at].started_at)
    change = last.changes[-1]
    when = last.points[change.at].started_at[:10]
    several = f", {len(changed)} series changed" if len(changed) > 1 else ""
    return f"{last.name} {fmt.change(change.ratio)} since {when}{several}"


def _panel(panel: Axes, case: str, group: Sequence[Series]) -> None:
    style.set_title(panel, case)
    panel.grid(axis="y")
    runs = sorted({(point.started_at, point.run) for series in group for point in series.points})
    place = {run: number for number, run in enumerate(runs)}
    looks = style.arm_styles(list(dict.fromkeys(series.name for series in group)))
    beside: Counter[float] = Counter()
    for series in group:
        look = looks[series.name]
        xs = [place[point.started_at, point.run] for point in series.points]
        reaches = [style.reach(point.value, point.ci) or _NOTHING for point in series.points]
        drawn = panel.errorbar(
            xs, [point.value for point in series.points],
            yerr=[[below for [[below], _] in reaches], [above for [_, [above]] in reaches]],
            fmt=look.marker, color=look.colour, ms=5, capsize=2, linewidth=1,
        )  # fmt: skip
        values = [f"{point.run}: {fmt.with_interval(point.value, point.ci)}" for point in series.points]
        tooltips.add_tooltips(drawn.lines[0], [f"{series.name}, {text}" for text in values])
        _levels(panel, series, xs, look.colour, beside)
        panel.plot([], [], color=look.colour, marker=look.marker, linestyle="", label=series.name)
    shown = range(0, len(runs), -(-len(runs) // _MAX_LABELS))
    # Month, day and time of a run.
    labels = [runs[number][0][5:16].replace("T", " ") for number in shown]
    panel.set_xticks(shown, labels, rotation=30, ha="right")
    panel.set_xlim(-0.5, len(runs) - 0.5)
    panel.margins(y=_ROOM)
    panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _levels(panel: Axes, series: Series, xs: Sequence[int], colour: str, beside: Counter[float]) -> None:
    """Draw levels as bars and changes as dashed lines; `beside` counts the labels at each place."""
    changes = series.changes
    bounds = [0, *(change.at for change in changes), len(xs)]
    levels = [changes[0].before, *(change.after for change in changes)] if changes else []
    for level, begin, end in zip(levels, bounds, bounds[1:], strict=False):
        panel.plot(
            [xs[begin] - 0.4, xs[end - 1] + 0.4], [level, level], color=colour, alpha=0.35, linewidth=4
        )
    for change in changes:
        x = (xs[change.at - 1] + xs[change.at]) / 2
        is_late = x > _LATE * xs[-1]
        panel.axvline(x, color=colour, linestyle="--", linewidth=1)
        panel.annotate(
            f"{style.shorten(series.name, _NAME_CHARACTERS)} {fmt.change(change.ratio)}",
            (x, 1),
            (-4 if is_late else 4, -_LINE_POINTS * beside[x]),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="right" if is_late else "left",
            va="top",
            fontsize=style.SMALL,
            bbox=style.white(0.5),
        )
        beside[x] += 1
