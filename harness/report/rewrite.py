"""The files of a stored run written again, from its result file alone: what `bench.py report` does."""

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

#: Formats that include incidents; the others are made for estimates.
_WITH_INCIDENTS: Final = ("markdown",)


def report(name: str, out: Path | None, results: Path) -> list[Path]:
    """Write the page, its Markdown and the charts of a run, and return the files.

    Args:
        name: The folder, result file or id of a run, or `latest`.
        out: Folder for the files; None for the run's own.
        results: Where runs are looked for.

    Raises:
        SuiteError: There is no such result.
        EnvironmentFailedError: The files cannot be written.
    """
    result, folder = _found(name, out, results)
    return [*write.write(result, folder), *write.attempt("charts", lambda: draw_all(result, folder))]


def charts(name: str, out: Path | None, results: Path) -> list[Path]:
    """Draw the charts of a run, and return the files; arguments and errors as in `report`."""
    result, folder = _found(name, out, results)
    return draw_all(result, folder)


def exports(name: str, formats: Sequence[str], out: Path | None, results: Path) -> list[Path]:
    """Write a run in the formats of these names, and return the files; else as in `report`."""
    write.require_formats(formats)
    result, folder = _found(name, out, results)
    if result.incidents and any(one not in _WITH_INCIDENTS for one in formats):
        print(f"incidents are in {', '.join(_WITH_INCIDENTS)} alone, and in result.json", file=sys.stderr)
    return write.exports(result, formats, folder)


def as_json(name: str, results: Path) -> dict[str, Any]:
    """Return what the report of a run is made from, with all of its checks."""
    content = model.report(archive.load(archive.find(name, results)))
    return {**asdict(content), "checks": [check.model_dump() for check in content.checks]}


def _found(name: str, out: Path | None, results: Path) -> tuple[Result, Path]:
    """Return the result of a run, and the folder that its files go to; made if missing."""
    place = archive.find(name, results)
    result = archive.load(place)
    return result, out or (place if place.is_dir() else place.parent)
