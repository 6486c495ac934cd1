"""What the command `history` does."""

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
from harness.report.history.series import METRICS_TOLD, History, history
from harness.report.history.wording import changes_of
from harness.results import archive
from harness.results.metrics import METRICS


def show_history(
    folder: Path, metrics: Sequence[str], suite: str | None, out: Path, console: Console, *, print_json: bool
) -> None:
    """Follow the results below a folder: a table, history.json, and a figure for each metric.

    Args:
        folder: Where results are looked for.
        metrics: Which; empty for those that are told by default.
        suite: Only results of this suite.
        out: Folder for the files.
        console: Where to tell.
        print_json: Print history.json as well.

    Raises:
        SuiteError: There are not two results, or no such metric.
        EnvironmentFailedError: The files cannot be written.
    """
    if unknown := [metric for metric in metrics if metric not in METRICS]:
        raise SuiteError(f"--metric: expected one of {', '.join(METRICS)} (got {unknown[0]!r})")
    runs = [place for place, about in archive.runs(folder) if suite in (None, about["suite"])]
    found = history([archive.load(place) for place in runs], metrics or METRICS_TOLD)
    text = found.model_dump_json(indent=1) + "\n"
    [file] = archive.save_texts({archive.HISTORY_FILE: text}, out)
    from harness.report.charts.history import draw_history

    figures = draw_history(found, out)
    if print_json:
        sys.stdout.write(text)
        sys.stdout.flush()
    _render(found, console)
    console.print(f"{len(figures)} figures and {file.name} are in {out}", highlight=False, soft_wrap=True)


def _render(found: History, console: Console) -> None:
    for case, own in groupby(found.series, key=lambda one: one.case):
        console.print(Text(case, style="bold"))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column("what", overflow="fold")
        for head in ("runs", "first", "newest"):
            table.add_column(head, justify="right", no_wrap=True)
        table.add_column("changes of level", overflow="fold")
        for one in own:
            first, newest = one.points[0], one.points[-1]
            table.add_row(
                Text(f"{one.name}, {one.metric}"),
                str(len(one.points)),
                fmt.with_interval(first.value, first.ci),
                fmt.with_interval(newest.value, newest.ci),
                Text("; ".join(changes_of(one)) or "none"),
            )
        console.print(table)
        console.print()
    for line in found.left_out:
        console.print(f" - left out: {line}", highlight=False, markup=False, soft_wrap=True)
