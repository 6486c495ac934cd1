"""Report, charts and exports of a result, written to its folder: after a measurement, or again later.

After a measurement, a failure here does not lose it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TypeVar

from harness.errors import BenchError, SuiteError
from harness.report import html, markdown
from harness.report.charts.parts import draw
from harness.report.content import model
from harness.report.exports.parts.format import formats
from harness.results import archive
from harness.results.model import Result
from harness.system import interpreter
from harness.system.suggest import did_you_mean

Made = TypeVar("Made")

#: Message if the charts cannot be drawn; the rest of the page does not depend on them.
NO_CHARTS: Final = "report.html has no charts"
#: Formats that include incidents; the others hold estimates only.
_WITH_INCIDENTS: Final = ("markdown",)


def write(result: Result, folder: Path) -> list[Path]:
    """Write the report of a run as HTML and as Markdown, and return the files.

    If the charts cannot be drawn, the page has everything else.

    Raises:
        EnvironmentFailedError: The files cannot be written.
    """
    report = model.report(result)
    texts = {
        archive.MARKDOWN_FILE: markdown.render(report),
        archive.PAGE_FILE: html.render(report, attempt(NO_CHARTS, lambda: draw.inline_all(result))),
    }
    return archive.save_texts(texts, folder)


def write_or_warn(result: Result, folder: Path) -> list[Path]:
    """Write the report after a measurement; if that fails, print a warning."""
    return attempt("no report", lambda: write(result, folder), f"Then: bench.py report {folder}")


def attempt(failed: str, make: Callable[[], list[Made]], remedy: str = "") -> list[Made]:
    """Draw charts or write files after a measurement, and return them; if that fails, print the reason.

    Args:
        failed: Beginning of the message if that fails, such as `no report`.
        make: Function that makes the charts or files and returns them.
        remedy: Sentence that explains how to get them later.
    """
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - no failure here may change the measurement or its exit code
        print(f"{failed}: {reason(error)} {remedy}".rstrip(), file=sys.stderr)
        return []


def reason(error: Exception) -> str:
    """Return the reason why something could not be drawn or written, as a sentence."""
    if isinstance(error, ModuleNotFoundError):
        return interpreter.missing(error)
    return str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}."


def require_formats(names: Sequence[str]) -> None:
    """Refuse formats that do not exist.

    Raises:
        SuiteError: A format does not exist; the message lists those that do.
    """
    known = formats()
    if wrong := [name for name in names if name not in known]:
        hint = did_you_mean(wrong[0], known)
        raise SuiteError(f"--format: expected one of {', '.join(known)} (got {wrong[0]!r}).{hint}")


def exports(result: Result, names: Sequence[str], folder: Path) -> list[Path]:
    """Write a result in these formats, and return the files.

    Raises:
        EnvironmentFailedError: The files cannot be written.
    """
    known = formats()
    return [file for name in names for file in archive.save_texts(known[name].files(result), folder)]


def rewrite(
    name: str,
    out: Path | None,
    results: Path,
    *,
    formats: Sequence[str] | None = None,
    charts_only: bool = False,
) -> list[Path]:
    """Write the files of a stored run again from its result file alone, and return them.

    Args:
        name: Folder, result file or id of a run, or `latest`.
        out: Folder for the files; None for the run's folder.
        results: Folder that is searched for runs.
        formats: Formats to write; without any, the page, its Markdown and the charts are written.
        charts_only: Whether only the charts are drawn.

    Raises:
        SuiteError: There is no such result, or no such format.
        EnvironmentFailedError: The files cannot be written.
    """
    require_formats(formats or ())
    place = archive.find(name, results)
    result = archive.load(place)
    folder = out or (place if place.is_dir() else place.parent)
    if charts_only:
        return draw.draw_all(result, folder)
    if not formats:
        return [*write(result, folder), *attempt("no charts", lambda: draw.draw_all(result, folder))]
    if result.incidents and not {*formats} <= {*_WITH_INCIDENTS}:
        print(f"only result.json and {', '.join(_WITH_INCIDENTS)} include incidents", file=sys.stderr)
    return exports(result, formats, folder)


def as_json(name: str, results: Path) -> dict[str, Any]:
    """Return the content of a run's report, with all validity checks."""
    content = model.report(archive.load(archive.find(name, results)))
    return {**asdict(content), "checks": [check.model_dump() for check in content.checks]}
