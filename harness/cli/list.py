"""`bench.py list`."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from harness.cli import options


class Listed(StrEnum):
    """Kinds of lists."""

    SUITES = "suites"
    SCHEMES = "schemes"
    SCENARIOS = "scenarios"
    CLAIMS = "claims"
    FORMATS = "formats"
    RUNS = "runs"


#: Listed if nothing is named.
_DEFAULT: Final = (Listed.SUITES, Listed.RUNS)
#: Packages that print a list of their own for people.
_PRINTED_BY: Final = {Listed.SCHEMES: "servers", Listed.SCENARIOS: "loadtests"}


def command(
    what: Annotated[
        list[Listed] | None, typer.Argument(metavar="[WHAT]...", help="[default: suites, runs]")
    ] = None,
    results: options.Results = Path("results"),
    as_json: options.Json = False,
) -> None:
    """List suites, schemes, scenarios, claims, formats or runs. For example `bench.py list schemes`."""
    names = what or _DEFAULT
    if as_json:
        options.output(as_json=True).json(json.dumps({name: _rows(name, results) for name in names}))
        return
    for name in names:
        if len(names) > 1:
            print(f"{name}:")
        for line in _lines(name, results):
            print(f"  {line}" if len(names) > 1 else line)


def _rows(kind: Listed, results: Path) -> Any:
    """Return a list for programs."""
    from harness.results import archive
    from harness.suites import catalog

    match kind:
        case Listed.SUITES:
            return {name: catalog.load_suite(name).title for name in catalog.suites()}
        case Listed.SCHEMES:
            return [asdict(scheme) for scheme in catalog.schemes().values()]
        case Listed.SCENARIOS:
            return [asdict(scenario) for scenario in catalog.scenarios().values()]
        case Listed.CLAIMS:
            from harness.studies.claims.claim import find_claims

            keys = ("number", "says", "by", "kind", "experiment", "rule")
            return [{key: getattr(claim, key) for key in keys} for claim in find_claims([])]
        case Listed.FORMATS:
            from harness.report.exports.parts.format import formats

            return {export.name: export.title for export in formats().values()}
        case Listed.RUNS:
            return [{"folder": str(folder), **about} for folder, about in archive.runs(results)]


def _lines(kind: Listed, results: Path) -> list[str]:
    """Return a list for people."""
    from harness.system import processes

    if kind in _PRINTED_BY:
        return processes.run_module(_PRINTED_BY[kind], ["--list"]).splitlines()
    rows = _rows(kind, results)
    match kind:
        case Listed.CLAIMS:
            return [f"{row['number']:>2}  {row['says']} ({row['by']})" for row in rows]
        case Listed.RUNS:
            lines = [
                f"{row['folder']}  {row['suite']}, {row['started_at']}, exit code {row['exit_code']}"
                for row in rows
            ]
            return lines or [f"none in {results} yet; create one with bench.py run quick"]
    width = max(map(len, rows)) + 2
    return [f"{name:<{width}}{title}" for name, title in rows.items()]
