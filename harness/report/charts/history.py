"""Charts of metrics over time: a panel per case, a line per arm, and changes of level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.stats.change_points import FEWEST
from harness.report.charts.parts import page, style
from harness.report.history.series import History, Series, title

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


def figures(history: History) -> dict[str, Figure]:
    """Return a chart for each metric and one for ratios, by file name."""
    groups: dict[str, list[Series]] = {}
    for series in history.series:
        groups.setdefault("ratios" if series.over else series.metric, []).append(series)
    return {f"history-{name}": _figure(name, group, history) for name, group in groups.items()}


def _figure(name: str, group: Sequence[Series], history: History) -> Figure:
    panels: dict[str, list[Series]] = {}
    for series in group:
        key = f"{series.case}, {series.metric}" if name == "ratios" else series.case
        panels.setdefault(key, []).append(series)
    subject = "Ratios between schemes" if name == "ratios" else title(name)
    figure, axes = page.open_page_of_several(
        f"{subject}: {_finding(group)}",
        _READING,
        f"{history.runs} results, times in UTC",
        [_PANEL] * len(panels),
    )
    for panel, (case, series_of_case) in zip(axes, panels.items(), strict=True):
        _panel(panel, case, series_of_case)
    return figure


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
    return f"{last.name} {_percent(change.ratio)} since {when}" + (
        f", {len(changed)} series changed" if len(changed) > 1 else ""
    )


def _panel(panel: Axes, case: str, group: Sequence[Series]) -> None:
    panel.set_title("\n".join(style.lines(case, style.TITLE_CHARACTERS)))
    panel.grid(axis="y")
    runs = sorted({(point.started_at, point.run) for series in group for point in series.points})
    place = {run: number for number, run in enumerate(runs)}
    looks = style.arm_styles(list(dict.fromkeys(series.name for series in group)))
    beside: Counter[float] = Counter()
    for series in group:
        look = looks[series.name]
        xs = [place[point.started_at, point.run] for point in series.points]
        for x, point in zip(xs, series.points, strict=True):
            panel.errorbar(
                x,
                point.value,
                yerr=style.reach(point.value, point.ci),
                color=look.colour,
                marker=look.marker,
                markersize=5,
                capsize=2,
                linewidth=1,
            )
        _levels(panel, series, xs, look.colour, beside)
        panel.plot([], [], color=look.colour, marker=look.marker, linestyle="", label=series.name)
    shown = range(0, len(runs), -(-len(runs) // _MAX_LABELS))
    panel.set_xticks(shown, [_when(runs[i][0]) for i in shown], rotation=30, ha="right")
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
            f"{style.shorten(series.name, _NAME_CHARACTERS)} {_percent(change.ratio)}",
            (x, 1),
            (-4 if is_late else 4, -_LINE_POINTS * beside[x]),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="right" if is_late else "left",
            va="top",
            fontsize=style.SMALL,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
        beside[x] += 1


def _when(started_at: str) -> str:
    """Return month, day and time of a run."""
    return started_at[5:16].replace("T", " ")


def _percent(ratio: float) -> str:
    return f"{(ratio - 1) * 100:+.1f} %"
