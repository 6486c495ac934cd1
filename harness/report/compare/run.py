"""Implements `bench.py compare`: several results as tables, an HTML report and charts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.report import html, write
from harness.report.charts.compared import draw_compared, inline_compared
from harness.report.compare import console as terminal
from harness.report.compare import page
from harness.report.compare.compare import compare
from harness.results import archive
from harness.system.output import Output


def compare_runs(names: Sequence[str], folder: Path, results: Path, output: Output) -> None:
    """Compare runs, write the files to a folder, and print the tables and comparison.json.

    Args:
        names: Folders, result files, run ids, or `latest`; the first is the base.
        folder: Folder for the files; created if missing.
        results: Folder in which runs are looked up.
        output: Output for the tables, and for comparison.json if JSON was requested.

    Raises:
        SuiteError: A result does not exist, or the results have nothing in common.
        InvalidMeasurementError: The first is invalid, or all others are.
        EnvironmentFailedError: The files cannot be written.
    """
    places = [archive.find(name, results) for name in names]
    compared = compare([(str(place), archive.load(place)) for place in places])
    archive.prepare(folder)
    text = compared.model_dump_json(indent=1) + "\n"
    files = archive.save_texts({archive.COMPARISON_FILE: text}, folder)
    drawings = write.attempt(write.NO_CHARTS, lambda: inline_compared(compared))
    report = html.page("compared.html.j2", **page.report(compared), drawings=drawings)
    files += archive.save_texts({archive.PAGE_FILE: report}, folder)
    files += write.attempt("no charts", lambda: draw_compared(compared, folder))
    terminal.render(compared, output.console)
    file_names = ", ".join(path.name for path in files)
    output.log(f"Written to {folder}: {file_names}")
    output.json(text)
