"""Figures from run to run as points of a drawing that is as wide as its page. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from harness.analysis.stats.change_points import FEWEST
from harness.report.content import format as fmt
from harness.report.history.series import History, Point, Series, title
from harness.report.history.wording import changes_of

#: The drawing's own units, about a pixel each.
WIDTH: Final = 380
HEIGHT: Final = 150
_EDGE: Final = 12
#: Marks nearer to each other are drawn smaller.
_NEAR: Final = 12
#: Looks of the twins and the floor, by number; others have the next ones, in turn.
_LOOKS: Final = {"cookie": 0, "token": 1, "anonymous": 2}
_MORE_LOOKS: Final = 5


@dataclass(frozen=True)
class Mark:
    """One run: where it stands, and where its interval ends (both above where there is none)."""

    x: float
    y: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class TrendLevel:
    """Where a series kept to one level."""

    x1: float
    x2: float
    y: float


@dataclass(frozen=True)
class TrendRow:
    """One series, drawn and told: a row of the table below the drawing."""

    look: int
    name: str
    marks: Sequence[Mark]
    levels: Sequence[TrendLevel]
    changes: Sequence[float]
    runs: int
    first: str
    newest: str
    told: Sequence[str]


@dataclass(frozen=True)
class Panel:
    """One case of one metric: a drawing with what its edges mean."""

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
    """A trend for each metric that has one, then that of ratios."""
    groups: dict[str, list[Series]] = {}
    for one in history.series:
        groups.setdefault("Ratios between arms" if one.over else title(one.metric), []).append(one)
    return [Trend(name, _finding(own), _panels(own)) for name, own in groups.items()]


def _finding(series: Sequence[Series]) -> str:
    if all(len(one.points) < FEWEST for one in series):
        return f"fewer than {FEWEST} runs each: too few to tell a change of level"
    changed = sum(bool(one.changes) for one in series)
    return f"the level of {changed} of {len(series)} changed" if changed else "no change of level"


def _panels(series: Sequence[Series]) -> list[Panel]:
    def case(one: Series) -> str:
        return f"{one.case}, {one.metric}" if one.over else one.case

    return [_panel(name, list(own)) for name, own in groupby(sorted(series, key=case), key=case)]


def _panel(case: str, series: Sequence[Series]) -> Panel:
    runs = sorted({(point.started_at, point.run) for one in series for point in one.points})
    values = [point.value for one in series for point in one.points]
    ends = [end for one in series for point in one.points for end in point.ci or (point.value,)]
    # An interval of two instances may be wider than all there is to see: no more of it than a factor of two.
    bottom, top = max(min(ends), min(values) / 2), min(max(ends), 2 * max(values))
    scale = _Scale(bottom, top, {run: number for number, run in enumerate(runs)})
    return Panel(
        case=case,
        top=fmt.number(top),
        bottom=fmt.number(bottom),
        first=runs[0][0][:10],
        last=runs[-1][0][:10],
        mark_size=round(min(scale.step / _NEAR, 1), 2),
        lines=[_line(look, one, scale) for look, one in zip(_looks(series), series, strict=True)],
    )


def _looks(series: Sequence[Series]) -> list[int]:
    """A look for each: fixed for the twins and the floor, for others by their order."""
    others = [one.name for one in series if one.name not in _LOOKS]
    return [
        _LOOKS[one.name] if one.name in _LOOKS else len(_LOOKS) + others.index(one.name) % _MORE_LOOKS
        for one in series
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


def _line(look: int, one: Series, scale: _Scale) -> TrendRow:
    xs = [scale.x(point) for point in one.points]
    bounds = [0, *(change.at for change in one.changes), len(xs)]
    heights = [one.changes[0].before, *(change.after for change in one.changes)] if one.changes else []
    first, newest = one.points[0], one.points[-1]
    return TrendRow(
        look=look,
        name=one.name,
        marks=[_mark(point, scale) for point in one.points],
        levels=[
            TrendLevel(xs[begin], xs[end - 1], scale.y(height))
            for height, begin, end in zip(heights, bounds, bounds[1:], strict=False)
        ],
        changes=[(xs[change.at - 1] + xs[change.at]) / 2 for change in one.changes],
        runs=len(one.points),
        first=fmt.with_interval(first.value, first.ci),
        newest=fmt.with_interval(newest.value, newest.ci),
        told=changes_of(one),
    )


def _mark(point: Point, scale: _Scale) -> Mark:
    low, high = point.ci or (point.value, point.value)
    text = f"{point.run}: {fmt.with_interval(point.value, point.ci)}"
    return Mark(scale.x(point), scale.y(point.value), scale.y(low), scale.y(high), text)
