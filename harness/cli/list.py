"""`bench.py list`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from harness.cli import options, output

#: Listed if nothing is named.
_DEFAULT: Final = ("suites", "runs")


class Listed(StrEnum):
    """Kinds of lists."""

    SUITES = "suites"
    SCHEMES = "schemes"
    SCENARIOS = "scenarios"
    CLAIMS = "claims"
    FORMATS = "formats"
    RUNS = "runs"


def command(
    what: Annotated[
        list[Listed] | None, typer.Argument(metavar="[WHAT]...", help="[default: suites, runs]")
    ] = None,
    results: options.Results = Path("results"),
    as_json: options.Json = False,
) -> None:
    """List suites, schemes, scenarios, claims, formats or runs. For example `bench.py list schemes`."""
    names = [str(name) for name in what or []] or list(_DEFAULT)
    if as_json:
        output.print_text(json.dumps({name: _ROWS[name](results) for name in names}))
        return
    for name in names:
        if len(names) > 1:
            print(f"{name}:")
        for line in _LINES[name](results):
            print(f"  {line}" if len(names) > 1 else line)


def _suites(_: Path) -> dict[str, str]:
    from harness.suites import catalog

    return {name: catalog.load_suite(name).title for name in catalog.suites()}


def _schemes(_: Path) -> list[dict[str, Any]]:
    from harness.suites import catalog

    return [asdict(scheme) for scheme in catalog.schemes().values()]


def _scenarios(_: Path) -> list[dict[str, Any]]:
    from harness.suites import catalog

    return [asdict(scenario) for scenario in catalog.scenarios().values()]


def _claims(_: Path) -> list[dict[str, Any]]:
    from harness.studies.claims.claim import find_claims

    keys = ("number", "says", "by", "kind", "experiment", "rule")
    return [{key: getattr(claim, key) for key in keys} for claim in find_claims([])]


def _formats(_: Path) -> dict[str, str]:
    from harness.report.exports.parts.format import formats

    return {export.name: export.title for export in formats().values()}


def _runs(results: Path) -> list[dict[str, Any]]:
    from harness.results import archive

    return [{"folder": str(folder), **about} for folder, about in archive.runs(results)]


def _run_lines(results: Path) -> list[str]:
    lines = [
        f"{row['folder']}  {row['suite']}, {row['started_at']}, exit code {row['exit_code']}"
        for row in _runs(results)
    ]
    return lines or [f"none in {results} yet; create one with bench.py run quick"]


def _listed_by(module: str) -> list[str]:
    from harness.system import processes

    return processes.run_module(module, ["--list"]).splitlines()


def _titles(rows: dict[str, str]) -> list[str]:
    width = max(map(len, rows)) + 2
    return [f"{name:<{width}}{title}" for name, title in rows.items()]


_ROWS: Final[dict[str, Callable[[Path], Any]]] = {
    "suites": _suites,
    "schemes": _schemes,
    "scenarios": _scenarios,
    "claims": _claims,
    "formats": _formats,
    "runs": _runs,
}
_LINES: Final[dict[str, Callable[[Path], list[str]]]] = {
    "suites": lambda folder: _titles(_suites(folder)),
    "schemes": lambda _: _listed_by("servers"),
    "scenarios": lambda _: _listed_by("loadtests"),
    "claims": lambda folder: [f"{row['number']:>2}  {row['says']} ({row['by']})" for row in _claims(folder)],
    "formats": lambda folder: _titles(_formats(folder)),
    "runs": _run_lines,
}
