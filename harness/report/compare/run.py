"""Several results side by side, as tables, a page and charts: what `bench.py compare` does."""

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
    """Compare runs, write the files to a folder, print the tables, and return comparison.json.

    Args:
        names: Folders, result files, ids of runs, or `latest`; the first is the base.
        folder: For the files; made if missing.
        results: Where runs are looked for.
        console: For people.

    Raises:
        SuiteError: There is no such result, or the results have nothing in common.
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
    names_of_files = ", ".join(one.name for one in files)
    console.print(f"in {folder}: {names_of_files}", highlight=False, markup=False, soft_wrap=True)
    return file.read_text(encoding="utf-8")
