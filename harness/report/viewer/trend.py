"""Trends across runs as points of an SVG drawing that is as wide as its page. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from harness.analysis.stats.change_points import FEWEST
from harness.report.content import format as fmt
from harness.report.history.series import History, Point, Series, title
from harness.report.history.wording import changes_of

#: Units of the drawing, about a pixel each.
WIDTH: Final = 380
HEIGHT: Final = 150
_EDGE: Final = 12
#: Distance below which marks are drawn smaller.
_NEAR: Final = 12
#: Style numbers of the reference and no-auth servers; other schemes have the next ones, in turn.
_STYLES: Final = {"cookie": 0, "token": 1, "anonymous": 2}
_MORE_STYLES: Final = 5


@dataclass(frozen=True)
class Mark:
    """One run: its position, and the ends of its interval (both at the position without an interval)."""

    x: float
    y: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class TrendLevel:
    """Segment of a series with a constant level."""

    x1: float
    x2: float
    y: float


@dataclass(frozen=True)
class TrendRow:
    """One series: its marks in the drawing, and its row in the table below."""

    look: int
    name: str
    marks: Sequence[Mark]
    levels: Sequence[TrendLevel]
    changes: Sequence[float]
    runs: int
    first: str
    newest: str
    descriptions: Sequence[str]


@dataclass(frozen=True)
class Panel:
    """One case of one metric: a drawing and the labels of its edges."""

    case: str
    top: str
    bottom: str
    first: str
    last: str
    mark_size: float
    lines: Sequence[TrendRow]


@dataclass(frozen=True)
class Trend:
    """All cases of one metric, or all ratios."""

    title: str
    finding: str
    panels: Sequence[Panel]


def trends(history: History) -> list[Trend]:
    """Return a trend for each metric of the history, then the trend of ratios."""
    groups: dict[str, list[Series]] = {}
    for single in history.series:
        groups.setdefault("Ratios between schemes" if single.over else title(single.metric), []).append(
            single
        )
    return [Trend(name, _finding(series), _panels(series)) for name, series in groups.items()]


def _finding(series: Sequence[Series]) -> str:
    if all(len(single.points) < FEWEST for single in series):
        return f"at least {FEWEST} runs are needed for change detection"
    changed = sum(bool(single.changes) for single in series)
    return f"the level of {changed} of {len(series)} changed" if changed else "no change of level"


def _panels(series: Sequence[Series]) -> list[Panel]:
    def case(single: Series) -> str:
        return f"{single.case}, {single.metric}" if single.over else single.case

    return [_panel(name, list(group)) for name, group in groupby(sorted(series, key=case), key=case)]


def _panel(case: str, series: Sequence[Series]) -> Panel:
    points = [point for single in series for point in single.points]
    runs = sorted({(point.started_at, point.run) for point in points})
    values = [point.value for point in points]
    ends = [end for point in points for end in point.ci or (point.value,)]
    # The interval from two server processes may be much wider than the data: it is cut at a factor of two.
    bottom, top = max(min(ends), min(values) / 2), min(max(ends), 2 * max(values))
    scale = _Scale(bottom, top, {run: number for number, run in enumerate(runs)})
    return Panel(
        case=case,
        top=fmt.number(top),
        bottom=fmt.number(bottom),
        first=runs[0][0][:10],
        last=runs[-1][0][:10],
        mark_size=round(min(scale.step / _NEAR, 1), 2),
        lines=[_row(style, single, scale) for style, single in zip(_styles(series), series, strict=True)],
    )


def _styles(series: Sequence[Series]) -> list[int]:
    """Return the style number of each series: fixed for reference and no-auth servers, else by order."""
    names = [single.name for single in series]
    others = [name for name in names if name not in _STYLES]
    return [
        _STYLES[name] if name in _STYLES else len(_STYLES) + others.index(name) % _MORE_STYLES
        for name in names
    ]


@dataclass(frozen=True)
class _Scale:
    bottom: float
    top: float
    order: dict[tuple[str, str], int]

    @property
    def step(self) -> float:
        return (WIDTH - 2 * _EDGE) / max(len(self.order) - 1, 1)

    def x(self, point: Point) -> float:
        return round(_EDGE + self.step * self.order[point.started_at, point.run], 1)

    def y(self, value: float) -> float:
        within = min(max(value, self.bottom), self.top)
        share = (within - self.bottom) / (self.top - self.bottom) if self.top > self.bottom else 0.5
        return round(HEIGHT - _EDGE - share * (HEIGHT - 2 * _EDGE), 1)


def _row(style: int, series: Series, scale: _Scale) -> TrendRow:
    points, changes = series.points, series.changes
    xs = [scale.x(point) for point in points]
    bounds = [0, *(change.at for change in changes), len(xs)]
    heights = [changes[0].before, *(change.after for change in changes)] if changes else []
    first, newest = points[0], points[-1]
    return TrendRow(
        look=style,
        name=series.name,
        marks=[_mark(point, scale) for point in points],
        levels=[
            TrendLevel(xs[begin], xs[end - 1], scale.y(height))
            for height, begin, end in zip(heights, bounds, bounds[1:], strict=False)
        ],
        changes=[(xs[change.at - 1] + xs[change.at]) / 2 for change in changes],
        runs=len(points),
        first=fmt.with_interval(first.value, first.ci),
        newest=fmt.with_interval(newest.value, newest.ci),
        descriptions=changes_of(series),
    )


def _mark(point: Point, scale: _Scale) -> Mark:
    low, high = point.ci or (point.value, point.value)
    text = f"{point.run}: {fmt.with_interval(point.value, point.ci)}"
    return Mark(scale.x(point), scale.y(point.value), scale.y(low), scale.y(high), text)
