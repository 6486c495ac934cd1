"""`bench.py compare`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options


def command(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...", help="Folders, result files or ids of runs, or `latest`; the first is the base."
        ),
    ],
    out: Annotated[
        Path | None, options.out("Folder for the files. [default: a new one in --results]")
    ] = None,
    results: options.Results = Path("results"),
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Compare runs with the first one (tables, HTML page, charts, comparison.json).

    Times are compared on the same machine only; between machines, ratios between schemes are. There are no
    verdicts, since consecutive runs drift: for verdicts, measure all schemes in one suite.
    """
    from harness.report.compare import run

    folder = out or results / f"compare-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    run.compare_runs(runs, folder, results, options.output(as_json=as_json, quiet=quiet))
