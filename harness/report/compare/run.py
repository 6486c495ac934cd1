"""Implements `bench.py compare`: several results as tables, an HTML report and charts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from harness.report import html, write
from harness.report.charts.compared import draw_compared, inline_compared
from harness.report.compare import console as terminal
from harness.report.compare import page
from harness.report.compare.compare import compare
from harness.report.compare.file import save_comparison
from harness.results import archive


def compare_runs(names: Sequence[str], folder: Path, results: Path, console: Console) -> str:
    """Compare runs, write the files to a folder, print the tables, and return the text of comparison.json.

    Args:
        names: Folders, result files, run ids, or `latest`; the first is the base.
        folder: Folder for the files; created if missing.
        results: Folder in which runs are looked up.
        console: Console for the tables.

    Raises:
        SuiteError: A result does not exist, or the results have nothing in common.
        InvalidMeasurementError: The first is invalid, or all others are.
        EnvironmentFailedError: The files cannot be written.
    """
    places = [archive.find(name, results) for name in names]
    compared = compare([(str(place), archive.load(place)) for place in places])
    archive.prepare(folder)
    file = save_comparison(compared, folder)
    report = page.report(compared)
    drawings = write.drawn(lambda: inline_compared(compared))
    text = html.page("compared.html.j2", report.answer, report=report, drawings=drawings)
    files = [
        file,
        *archive.save_texts({archive.PAGE_FILE: text}, folder),
        *write.attempt("charts", lambda: draw_compared(compared, folder)),
    ]
    terminal.render(compared, console)
    file_names = ", ".join(path.name for path in files)
    console.print(f"Written to {folder}: {file_names}", highlight=False, markup=False, soft_wrap=True)
    return file.read_text(encoding="utf-8")
