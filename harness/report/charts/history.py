"""Figures over time: a panel for each case, a line for each arm, and where the level changed."""

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
#: Figures of changes at one place stand below each other, so many points apart.
_LINE_POINTS: Final = 11
_NAME_CHARACTERS: Final = 40
#: The figure of a change later than this share of the runs ends at its line, so as not to leave the panel.
_LATE: Final = 0.6
#: Room above and below the points, as a share of their range.
_ROOM: Final = 0.3
#: More dates than this below a panel would overlap.
_MOST_LABELS: Final = 20
_READING: Final = (
    "Each point is a run, oldest on the left, with its interval, which knows nothing of how runs differ from"
    " each other. A bar is the level between two changes; a dashed line marks where a level changed, and by"
    " how much."
)


def draw_history(history: History, folder: Path) -> list[Path]:
    """Draw a figure for each metric, and one for ratios, as PNG and SVG, and name the files written."""
    with style.applied():
        return [
            path for name, figure in figures(history).items() for path in style.save(figure, folder / name)
        ]


def figures(history: History) -> dict[str, Figure]:
    """A figure for each metric, and one for ratios, by the names of their files."""
    groups: dict[str, list[Series]] = {}
    for one in history.series:
        groups.setdefault("ratios" if one.over else one.metric, []).append(one)
    return {f"history-{name}": _figure(name, own, history) for name, own in groups.items()}


def _figure(name: str, series: Sequence[Series], history: History) -> Figure:
    panels: dict[str, list[Series]] = {}
    for one in series:
        key = f"{one.case}, {one.metric}" if name == "ratios" else one.case
        panels.setdefault(key, []).append(one)
    what = "Ratios between arms" if name == "ratios" else title(name)
    figure, axes = page.open_page_of_several(
        f"{what}: {_finding(series)}",
        _READING,
        f"{history.runs} results, times in UTC",
        [_PANEL] * len(panels),
    )
    for panel, (case, own) in zip(axes, panels.items(), strict=True):
        _panel(panel, case, own)
    return figure


def _finding(series: Sequence[Series]) -> str:
    """The latest change of each series that has one, in words."""
    changed = [one for one in series if one.changes]
    if all(len(one.points) < FEWEST for one in series):
        return f"fewer than {FEWEST} runs, too few to tell a change of level"
    if not changed:
        return "no change of level"
    last = max(changed, key=lambda one: one.points[one.changes[-1].at].started_at)
    change = last.changes[-1]
    when = last.points[change.at].started_at[:10]
    return f"{last.name} {_percent(change.ratio)} since {when}" + (
        f", {len(changed)} series changed" if len(changed) > 1 else ""
    )


def _panel(panel: Axes, case: str, series: Sequence[Series]) -> None:
    panel.set_title("\n".join(style.lines(case, style.TITLE_CHARACTERS)))
    panel.grid(axis="y")
    runs = sorted({(point.started_at, point.run) for one in series for point in one.points})
    place = {run: number for number, run in enumerate(runs)}
    looks = style.arm_styles(list(dict.fromkeys(one.name for one in series)))
    beside: Counter[float] = Counter()
    for one in series:
        look = looks[one.name]
        xs = [place[point.started_at, point.run] for point in one.points]
        for x, point in zip(xs, one.points, strict=True):
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
        _levels(panel, one, xs, look.colour, beside)
        panel.plot([], [], color=look.colour, marker=look.marker, linestyle="", label=one.name)
    shown = range(0, len(runs), -(-len(runs) // _MOST_LABELS))
    panel.set_xticks(shown, [_when(runs[i][0]) for i in shown], rotation=30, ha="right")
    panel.set_xlim(-0.5, len(runs) - 0.5)
    panel.margins(y=_ROOM)
    panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _levels(panel: Axes, one: Series, xs: Sequence[int], colour: str, beside: Counter[float]) -> None:
    """Bars and dashed lines; `beside` counts the changes that are told at each place."""
    bounds = [0, *(change.at for change in one.changes), len(xs)]
    levels = [one.changes[0].before, *(change.after for change in one.changes)] if one.changes else []
    for level, begin, end in zip(levels, bounds, bounds[1:], strict=False):
        panel.plot(
            [xs[begin] - 0.4, xs[end - 1] + 0.4], [level, level], color=colour, alpha=0.35, linewidth=4
        )
    for change in one.changes:
        x = (xs[change.at - 1] + xs[change.at]) / 2
        is_late = x > _LATE * xs[-1]
        panel.axvline(x, color=colour, linestyle="--", linewidth=1)
        panel.annotate(
            f"{style.shorten(one.name, _NAME_CHARACTERS)} {_percent(change.ratio)}",
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
    """Month, day and time of a run."""
    return started_at[5:16].replace("T", " ")


def _percent(ratio: float) -> str:
    return f"{(ratio - 1) * 100:+.1f} %"
