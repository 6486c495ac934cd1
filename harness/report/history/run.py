"""Implements the command `history`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich.table import Column
from rich.text import Text

from harness.errors import SuiteError
from harness.report.console import numbers, open_table
from harness.report.content import format as fmt
from harness.report.history.series import DEFAULT_METRICS, History, changes_of, history
from harness.results import archive
from harness.results.metrics import METRICS
from harness.system.output import Output


def show_history(folder: Path, metrics: Sequence[str], suite: str | None, out: Path, output: Output) -> None:
    """Show the trends of the results below a folder: a table, history.json, and a chart per metric.

    Args:
        folder: Folder with the results.
        metrics: Names of metrics; empty for the default ones.
        suite: Suite of the results to include; all if None.
        out: Folder for the files.
        output: Output for the table, and for history.json if JSON was requested.

    Raises:
        SuiteError: There are fewer than two results, or a metric does not exist.
        EnvironmentFailedError: The files cannot be written.
    """
    if unknown := [metric for metric in metrics if metric not in METRICS]:
        raise SuiteError(f"--metric: expected one of {', '.join(METRICS)} (got {unknown[0]!r})")
    runs = [place for place, run in archive.runs(folder) if suite in (None, run["suite"])]
    trends = history([archive.load(place) for place in runs], metrics or DEFAULT_METRICS)
    text = trends.model_dump_json(indent=1) + "\n"
    [file] = archive.save_texts({archive.HISTORY_FILE: text}, out)
    from harness.report.charts.history import draw_history

    figures = draw_history(trends, out)
    output.json(text)
    _render(trends, output)
    output.log(f"{len(figures)} chart files and {file.name} are in {out}")


def _render(trends: History, output: Output) -> None:
    console = output.console
    for case, group in groupby(trends.series, key=lambda series: series.case):
        console.print(Text(case, style="bold"))
        names, changes = (Column(head, overflow="fold") for head in ("series", "changes of level"))
        table = open_table(names, *map(numbers, ("runs", "first", "newest")), changes)
        for series in group:
            first, newest = series.points[0], series.points[-1]
            table.add_row(
                Text(f"{series.name}, {series.metric}"),
                str(len(series.points)),
                fmt.with_interval(first.value, first.ci),
                fmt.with_interval(newest.value, newest.ci),
                Text("; ".join(changes_of(series)) or "none"),
            )
        console.print(table)
        console.print()
    for line in trends.left_out:
        output.log(f" - excluded: {line}")
