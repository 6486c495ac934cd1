"""What a run leaves for readers, and what the command `report` does."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.errors import BenchError, SuiteError
from harness.report import html, markdown
from harness.report.compare import compare
from harness.report.content import model
from harness.report.content.model import Drawing
from harness.results import archive
from harness.results.model import Result
from harness.system import interpreter


def write(result: Result, folder: Path) -> list[Path]:
    """Write the report of a run as a page and as Markdown, and name the files.

    Where the figures cannot be drawn, the page has all else.

    Raises:
        EnvironmentFailedError: They cannot be written there.
    """
    report = model.report(result)
    texts = {
        archive.MARKDOWN_FILE: markdown.render(report),
        archive.PAGE_FILE: html.render(report, _drawn(lambda: _of_run(result))),
    }
    return archive.save_texts(texts, folder)


def leave(result: Result, folder: Path) -> list[Path]:
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


def tell(which: Sequence[str], out: Path | None, results: Path, *, print_json: bool) -> None:
    """Write the report of one result, or the page that sets several side by side, and print the files.

    Args:
        which: Folders, result files, ids of runs, or `latest`; of several the first is the base.
        out: The page to write; None: of one result beside it, with its Markdown; of several in a new folder.
        results: Where runs are looked for.
        print_json: Print what the page is made from, too.

    Raises:
        SuiteError: There is no such result, or the results have nothing in common.
        InvalidMeasurementError: The first of several is invalid, or all others are.
        EnvironmentFailedError: The files cannot be written.
    """
    places = [archive.find(name, results) for name in which]
    if out is not None and out.is_dir():
        raise SuiteError(f"--out: expected the name of a page (got the folder {out})")
    if len(places) == 1:
        told, files = _tell_one(places[0], out)
    else:
        told, files = _tell_several(places, out, results)
    if print_json:
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
    for file in files:
        print(file, file=sys.stderr if print_json else sys.stdout)


def _tell_one(place: Path, out: Path | None) -> tuple[dict[str, Any], list[Path]]:
    result = archive.load(place)
    report = model.report(result)
    told = {**asdict(report), "checks": [check.model_dump() for check in report.checks]}
    if out is None:
        return told, write(result, place if place.is_dir() else place.parent)
    text = html.render(report, _drawn(lambda: _of_run(result)))
    return told, archive.save_texts({out.name: text}, out.parent)


def _tell_several(
    places: Sequence[Path], out: Path | None, results: Path
) -> tuple[dict[str, Any], list[Path]]:
    from harness.report.compare import page

    compared = compare.compare([(str(place), archive.load(place)) for place in places])
    report = page.report(compared)
    drawings = _drawn(lambda: _of_several(compared))
    text = html.page("compared.html.j2", report.answer, report=report, drawings=drawings)
    if out is not None:
        return asdict(report), archive.save_texts({out.name: text}, out.parent)
    folder = results / f"compare-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    archive.prepare(folder)
    kept = archive.save_comparison(compared, folder)
    return asdict(report), [kept, *archive.save_texts({archive.PAGE_FILE: text}, folder)]


def _of_run(result: Result) -> list[Drawing]:
    from harness.report.charts import inline_all

    return inline_all(result)


def _of_several(compared: compare.Compared) -> list[Drawing]:
    from harness.report.charts.compared import inline_compared

    return inline_compared(compared)


def _drawn(draw: Callable[[], list[Drawing]]) -> list[Drawing]:
    """The figures, or none where they cannot be drawn: the rest does not depend on them."""
    try:
        return draw()
    except Exception as error:  # noqa: BLE001 - a fault in one figure must not cost the page
        print(f"a page without figures: {reason(error)}", file=sys.stderr)
        return []
