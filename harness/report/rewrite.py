"""Files of a stored run, written again from its result file alone (`bench.py report`)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from harness.report import write
from harness.report.charts.parts.draw import draw_all
from harness.report.content import model
from harness.results import archive
from harness.results.model import Result

#: Formats that include incidents; the others hold estimates only.
_WITH_INCIDENTS: Final = ("markdown",)


def report(name: str, out: Path | None, results: Path) -> list[Path]:
    """Write the page, its Markdown and the charts of a run, and return the files.

    Args:
        name: Folder, result file or id of a run, or `latest`.
        out: Folder for the files; None for the run's folder.
        results: Folder that is searched for runs.

    Raises:
        SuiteError: There is no such result.
        EnvironmentFailedError: The files cannot be written.
    """
    result, folder = _load(name, out, results)
    return [*write.write(result, folder), *write.attempt("charts", lambda: draw_all(result, folder))]


def charts(name: str, out: Path | None, results: Path) -> list[Path]:
    """Draw the charts of a run, and return the files; arguments and errors as in `report`."""
    result, folder = _load(name, out, results)
    return draw_all(result, folder)


def exports(name: str, formats: Sequence[str], out: Path | None, results: Path) -> list[Path]:
    """Write a run in these formats, and return the files; otherwise as in `report`."""
    write.require_formats(formats)
    result, folder = _load(name, out, results)
    if result.incidents and any(format_name not in _WITH_INCIDENTS for format_name in formats):
        print(f"only result.json and {', '.join(_WITH_INCIDENTS)} include incidents", file=sys.stderr)
    return write.exports(result, formats, folder)


def as_json(name: str, results: Path) -> dict[str, Any]:
    """Return the content of a run's report, with all validity checks."""
    content = model.report(archive.load(archive.find(name, results)))
    return {**asdict(content), "checks": [check.model_dump() for check in content.checks]}


def _load(name: str, out: Path | None, results: Path) -> tuple[Result, Path]:
    """Return the result of a run, and the folder for its files."""
    place = archive.find(name, results)
    result = archive.load(place)
    return result, out or (place if place.is_dir() else place.parent)
