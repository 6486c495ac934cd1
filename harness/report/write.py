"""Report and exports of a result, written to its folder; a failure here does not lose the measurement."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.errors import BenchError, SuiteError
from harness.report import html, markdown
from harness.report.content import model
from harness.report.content.model import Drawing
from harness.report.exports.parts.format import formats
from harness.results import archive
from harness.results.model import Result
from harness.system import interpreter
from harness.system.suggest import did_you_mean


def write(result: Result, folder: Path) -> list[Path]:
    """Write the report of a run as HTML and as Markdown, and return the files.

    If the charts cannot be drawn, the page has everything else.

    Raises:
        EnvironmentFailedError: The files cannot be written.
    """
    report = model.report(result)
    texts = {
        archive.MARKDOWN_FILE: markdown.render(report),
        archive.PAGE_FILE: html.render(report, drawn(lambda: _of_run(result))),
    }
    return archive.save_texts(texts, folder)


def write_or_warn(result: Result, folder: Path) -> list[Path]:
    """Write the report after a measurement; if that fails, print a warning."""
    return attempt("report", lambda: write(result, folder), f"Then: bench.py report {folder}")


def attempt(what: str, write_files: Callable[[], list[Path]], remedy: str = "") -> list[Path]:
    """Write files after a measurement, and return them; if that fails, print the reason.

    Args:
        what: Name of the files, for the message.
        write_files: Function that writes the files and returns them.
        remedy: Sentence that explains how to get the files later.
    """
    try:
        return write_files()
    except Exception as error:  # noqa: BLE001 - no failure here may change the measurement or its exit code
        print(f"no {what}: {reason(error)} {remedy}".rstrip(), file=sys.stderr)
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


def _of_run(result: Result) -> list[Drawing]:
    from harness.report.charts.parts.draw import inline_all

    return inline_all(result)


def drawn(draw: Callable[[], list[Drawing]]) -> list[Drawing]:
    """Return the charts, or none if they cannot be drawn: the rest of the page does not depend on them."""
    try:
        return draw()
    except Exception as error:  # noqa: BLE001 - a fault in one chart must not prevent the page
        print(f"report.html has no charts: {reason(error)}", file=sys.stderr)
        return []
