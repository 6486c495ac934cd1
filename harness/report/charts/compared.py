"""Figures of several results: ratios between arms by result; on one machine also each over the first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.charts.parts import forest, page, style, vector
from harness.report.charts.parts.drawable import interval
from harness.report.compare import wording
from harness.report.compare.compare import Compared, ComparedRow
from harness.report.content import format as fmt
from harness.report.content.model import Drawing
from harness.results.base import Interval
from harness.suites.arms import FLOOR

#: At least this much is shown to both sides of 1, as a fraction.
_LEAST: Final = 0.03
_NAME_CHARACTERS: Final = 22
_MARKERS: Final = "osD^vP*X"
_COLOURS: Final = (style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE, style.ORANGE, style.SKY)

_TAILS: Final = ("_p99", "_p999")

#: What is drawn in a row: a ratio, its interval, the label of its result.
_Drawn = tuple[float, Interval, str]
#: A row's name and what is drawn there; None for a heading.
_Row = tuple[str, _Drawn | None]


def draw_compared(compared: Compared, folder: Path) -> list[Path]:
    """Draw the figures as PNG and SVG into a folder, and name the files written."""
    with style.applied():
        figures = {"between-arms": between_arms(compared), "over-base": over_base(compared)}
        drawn = {name: figure for name, figure in figures.items() if figure is not None}
        return [path for name, figure in drawn.items() for path in style.save(figure, folder / name)]


def inline_compared(compared: Compared) -> list[Drawing]:
    """The same figures as a page holds them."""
    shown = {
        "between-arms": (between_arms, "Ratios between arms, result by result"),
        "over-base": (over_base, "Every result over the first, arm by arm"),
    }
    with style.applied():
        return [
            vector.inline(figure, name, shows)
            for name, (draw, shows) in shown.items()
            if (figure := draw(compared)) is not None
        ]


def between_arms(compared: Compared) -> Figure | None:
    """Each ratio between two arms, result by result; None where no pair of arms is in two of them."""
    rows = {case: _of_arms(compared.shown(case, times=False)) for case in compared.cases()}
    return _figure(
        compared,
        rows,
        f"Ratios between arms in {len(compared.compared)} results",
        "Ratio of the first arm to the second within each result, with its interval. Both ran interleaved, so"
        " results of different machines may stand side by side.",
    )


def over_base(compared: Compared) -> Figure | None:
    """Each later result over the base, arm by arm; None where machines differ."""
    rows = {case: _over_base(compared.shown(case, times=True)) for case in compared.cases()}
    base = compared.base.label
    return _figure(
        compared,
        rows,
        f"Results one after the other on one machine, over {base}: no verdict",
        f"Ratio of each result to {base}, with the interval by the spread within runs. Machines drift between"
        " runs by more than that: see how the floor moved, whose code seldom changes.",
    )


def _of_arms(lines: Sequence[ComparedRow]) -> list[_Row]:
    """Pairs with the floor only where there is no other."""
    told = [line for line in lines if FLOOR not in (line.arm, line.over)] or lines
    return _with_heads(
        (line.metric, line.primary, f"{_short(line)}  {e.label}", (e.value, interval(e.value, e.ci), e.label))
        for line in told
        for e in line.entries
    )


def _over_base(lines: Sequence[ComparedRow]) -> list[_Row]:
    """Tails differ so much between processes that they would squeeze all else together."""
    return _with_heads(
        (
            line.metric,
            line.primary,
            f"{_short(line)}  {e.label}",
            (e.to_base, interval(e.to_base, e.to_base_ci), e.label),
        )
        for line in lines
        for e in line.entries
        if e.to_base is not None and not line.metric.endswith(_TAILS)
    )


def _with_heads(rows: Iterable[tuple[str, bool, str, _Drawn]]) -> list[_Row]:
    """The rows, below a heading for each metric."""
    found: list[_Row] = []
    last = None
    for metric, primary, name, drawn in rows:
        if metric != last:
            found.append((wording.metric(metric, primary=primary, unit=False), None))
        last = metric
        found.append((name, drawn))
    return found


def _short(line: ComparedRow) -> str:
    names = [line.arm] if line.over is None else [line.arm, line.over]
    return " / ".join(style.shorten(name, _NAME_CHARACTERS) for name in names)


def _figure(compared: Compared, rows: dict[str, list[_Row]], title: str, reading: str) -> Figure | None:
    shown = {case: own for case, own in rows.items() if own}
    if not shown:
        return None
    heights = [forest.height(len(own)) for own in shown.values()]
    figure, panels = page.open_page_of_several(title, reading, _caption(compared), heights)
    for panel, (case, own) in zip(panels, shown.items(), strict=True):
        _panel(panel, case, own)
    forest.share_axis(panels, _LEAST)
    return figure


def _panel(panel: Axes, case: str, rows: Sequence[_Row]) -> None:
    forest.prepare(panel, case, [name for name, _ in rows], [drawn is None for _, drawn in rows], 0)
    for index, (_, drawn) in enumerate(rows):
        if drawn is not None:
            ratio, ci, label = drawn
            number = ord(label) - ord("A")
            marker, colour = _MARKERS[number % len(_MARKERS)], _COLOURS[number % len(_COLOURS)]
            forest.row(panel, index, ratio, ci, marker, colour)


def _caption(compared: Compared) -> str:
    intervals = f"{fmt.whole_percent(compared.confidence)} intervals; "
    return intervals + "; ".join(
        f"{source.label}: run {source.id} of {source.started_at[:16]}" for source in compared.compared
    )
