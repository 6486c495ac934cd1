"""The report and the exports of a result, written to its folder; what fails here costs no measurement."""

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
    """Write the report of a run as a page and as Markdown, and name the files.

    Where the figures cannot be drawn, the page has all else.

    Raises:
        EnvironmentFailedError: They cannot be written there.
    """
    report = model.report(result)
    texts = {
        archive.MARKDOWN_FILE: markdown.render(report),
        archive.PAGE_FILE: html.render(report, drawn(lambda: _of_run(result))),
    }
    return archive.save_texts(texts, folder)


def write_or_warn(result: Result, folder: Path) -> list[Path]:
    """The same after a measurement, which does not depend on it."""
    return attempt("report", lambda: write(result, folder), f"Then: bench.py report {folder}")


def attempt(what: str, written: Callable[[], list[Path]], remedy: str = "") -> list[Path]:
    """The files that are written after a measurement; where that fails, it is only said why.

    Args:
        what: A name for the files.
        written: Writes and returns them.
        remedy: How to get them all the same, a sentence.
    """
    try:
        return written()
    except Exception as error:  # noqa: BLE001 - what was measured, and its exit code, outlive any fault here
        print(f"no {what}: {reason(error)} {remedy}".rstrip(), file=sys.stderr)
        return []


def reason(error: Exception) -> str:
    """Why something could not be drawn or written, in a sentence."""
    if isinstance(error, ModuleNotFoundError):
        return interpreter.missing(error)
    return str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}."


def require_formats(names: Sequence[str]) -> None:
    """Refuse formats that do not exist.

    Raises:
        SuiteError: Names those that do.
    """
    known = formats()
    if wrong := [name for name in names if name not in known]:
        hint = did_you_mean(wrong[0], known)
        raise SuiteError(f"--format: expected one of {', '.join(known)} (got {wrong[0]!r}).{hint}")


def exports(result: Result, names: Sequence[str], folder: Path) -> list[Path]:
    """Write a result in the formats of these names, and return the files.

    Raises:
        EnvironmentFailedError: They cannot be written.
    """
    known = formats()
    return [file for name in names for file in archive.save_texts(known[name].files(result), folder)]


def _of_run(result: Result) -> list[Drawing]:
    from harness.report.charts.parts.draw import inline_all

    return inline_all(result)


def drawn(draw: Callable[[], list[Drawing]]) -> list[Drawing]:
    """The figures, or none where they cannot be drawn: the rest does not depend on them."""
    try:
        return draw()
    except Exception as error:  # noqa: BLE001 - a fault in one figure must not cost the page
        print(f"a page without figures: {reason(error)}", file=sys.stderr)
        return []
