"""`bench.py report`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options
from harness.errors import SuiteError


def command(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...", help="Folders, result files or ids of runs, or `latest`. [default: latest]"
        ),
    ] = None,
    formats: options.Formats = None,
    charts_only: Annotated[bool, typer.Option("--charts-only", help="Redraw the charts only.")] = False,
    out: Annotated[Path | None, options.out("Folder for the files. [default: the run's folder]")] = None,
    results: options.Results = Path("results"),
    as_json: options.Json = False,
) -> None:
    """Regenerate a run's report, charts or exports from its result file.

    Without options: report.html (self-contained), report.md and the charts. With `--format` only that export.
    For example `bench.py report latest --format csv`.
    """
    from harness.report import write

    if formats and charts_only:
        raise SuiteError("--charts-only and --format exclude each other: pass only one of them.")
    if out is not None and len(runs or []) > 1:
        raise SuiteError("--out: expected with one run only, since all runs write files of the same names")
    reports = []
    for name in runs or ["latest"]:
        for file in write.rewrite(name, out, results, formats=formats, charts_only=charts_only):
            print(file, file=sys.stderr if as_json else sys.stdout)
        if as_json:
            reports.append(write.as_json(name, results))
    options.output(as_json=as_json).json(json.dumps(reports[0] if len(reports) == 1 else reports, indent=1))
