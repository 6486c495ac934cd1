"""Charts of several results: ratios between schemes and, on one machine, each relative to the first."""

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

#: At least this fraction is shown on both sides of 1.
_MIN_SHOWN: Final = 0.03
_MARKERS: Final = "osD^vP*X"
_COLOURS: Final = (style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE, style.ORANGE, style.SKY)
_TAILS: Final = ("_p99", "_p999")

#: What a row shows: a ratio, its confidence interval, the label of its result.
_Drawn = tuple[float, Interval, str]
#: The name of a row and what it shows; None for a heading.
_Row = tuple[str, _Drawn | None]


def draw_compared(compared: Compared, folder: Path) -> list[Path]:
    """Draw the charts as PNG and SVG into a folder and return the files written."""
    with style.applied():
        figures = _figures(compared)
        return [path for name, _, figure in figures for path in style.save(figure, folder / name)]


def inline_compared(compared: Compared) -> list[Drawing]:
    """Return the same charts as inline SVG for the HTML report."""
    with style.applied():
        return [vector.inline(figure, name, shows) for name, shows, figure in _figures(compared)]


def _figures(compared: Compared) -> list[tuple[str, str, Figure]]:
    """Return the name, the caption and the figure of each chart that applies."""
    drawn = (
        ("between-arms", "Ratios between schemes in each result", between_arms(compared)),
        ("over-base", "Each result relative to the first, per scheme", over_base(compared)),
    )
    return [(name, shows, figure) for name, shows, figure in drawn if figure is not None]


def between_arms(compared: Compared) -> Figure | None:
    """Draw each ratio between two arms, per result; None if no pair of arms is in two results."""
    rows = {case: _of_arms(compared.shown(case, times=False)) for case in compared.cases()}
    return _figure(
        compared,
        rows,
        f"Ratios between schemes in {len(compared.compared)} results",
        "Ratio of the first scheme to the second within each result, with its CI. Both ran interleaved, so"
        " ratios from different machines can be compared.",
    )


def over_base(compared: Compared) -> Figure | None:
    """Draw each later result relative to the base, per arm; None if the machines differ."""
    rows = {case: _over_base(compared.shown(case, times=True)) for case in compared.cases()}
    base = compared.base.label
    return _figure(
        compared,
        rows,
        f"Results on one machine relative to {base}: no verdict (not interleaved)",
        f"Ratio of each result to {base}; the CI covers only the spread within runs. Machines drift by more"
        " than that between runs: see how far the no-auth server moved, as its code rarely changes.",
    )


def _of_arms(lines: Sequence[ComparedRow]) -> list[_Row]:
    """Return the rows of all pairs without the no-auth server, or of all pairs if there are no others."""
    shown = [line for line in lines if FLOOR not in (line.arm, line.over)] or lines
    return _with_heads((line, (e.value, e.ci, e.label)) for line in shown for e in line.entries)


def _over_base(lines: Sequence[ComparedRow]) -> list[_Row]:
    """Return the rows of results relative to the base.

    Tail percentiles are excluded: they differ so much between processes that the rest would be squeezed.
    """
    return _with_heads(
        (line, (e.to_base, e.to_base_ci, e.label))
        for line in lines
        for e in line.entries
        if e.to_base is not None and not line.metric.endswith(_TAILS)
    )


def _with_heads(rows: Iterable[tuple[ComparedRow, _Drawn]]) -> list[_Row]:
    """Return the rows with a heading before each metric, without intervals that cannot be drawn."""
    with_heads: list[_Row] = []
    last = None
    for line, (ratio, ci, label) in rows:
        if line.metric != last:
            with_heads.append((wording.metric(line.metric, primary=line.primary, unit=False), None))
        last = line.metric
        arms = forest.names(*filter(None, (line.arm, line.over)))
        with_heads.append((f"{arms}  {label}", (ratio, interval(ratio, ci), label)))
    return with_heads


def _figure(compared: Compared, rows: dict[str, list[_Row]], title: str, reading: str) -> Figure | None:
    shown = {case: rows_of_case for case, rows_of_case in rows.items() if rows_of_case}
    if not shown:
        return None
    heights = [forest.height(len(rows_of_case)) for rows_of_case in shown.values()]
    figure, panels = page.open_page_of_several(title, reading, _caption(compared), heights)
    for panel, (case, rows_of_case) in zip(panels, shown.items(), strict=True):
        _panel(panel, case, rows_of_case)
    forest.share_axis(panels, _MIN_SHOWN)
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
    intervals = f"{fmt.whole_percent(compared.confidence)} confidence intervals (CI)"
    runs = (f"{source.label}: run {source.id} of {source.started_at[:16]}" for source in compared.compared)
    return "; ".join([intervals, *runs])
