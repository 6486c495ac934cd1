"""Implements the command `history`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.errors import SuiteError
from harness.report.content import format as fmt
from harness.report.history.series import DEFAULT_METRICS, History, history
from harness.report.history.wording import changes_of
from harness.results import archive
from harness.results.metrics import METRICS


def show_history(
    folder: Path, metrics: Sequence[str], suite: str | None, out: Path, console: Console, *, print_json: bool
) -> None:
    """Show the trends of the results below a folder: a table, history.json, and a chart per metric.

    Args:
        folder: Folder with the results.
        metrics: Names of metrics; empty for the default ones.
        suite: Suite of the results to include; all if None.
        out: Folder for the files.
        console: Console for the table.
        print_json: Whether to print history.json to standard output.

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
    if print_json:
        sys.stdout.write(text)
        sys.stdout.flush()
    _render(trends, console)
    console.print(f"{len(figures)} chart files and {file.name} are in {out}", highlight=False, soft_wrap=True)


def _render(trends: History, console: Console) -> None:
    for case, group in groupby(trends.series, key=lambda series: series.case):
        console.print(Text(case, style="bold"))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column("series", overflow="fold")
        for head in ("runs", "first", "newest"):
            table.add_column(head, justify="right", no_wrap=True)
        table.add_column("changes of level", overflow="fold")
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
        console.print(f" - excluded: {line}", highlight=False, markup=False, soft_wrap=True)
