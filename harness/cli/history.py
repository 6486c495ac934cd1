"""`bench.py history`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options


def command(
    results: options.Results = Path("results"),
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="NAME",
            help=f"Metric of result.json. {options.REPEAT} [default: cost, speed and capacity]",
        ),
    ] = None,
    suite: Annotated[str | None, typer.Option(metavar="SUITE", help="Only results of this suite.")] = None,
    out: Annotated[
        Path | None, options.out("Folder for the files. [default: `history` in --results]")
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show trends across all runs below --results, with change-point detection."""
    from harness.report.history import run

    output = options.output(as_json=as_json, quiet=quiet)
    run.show_history(results, metrics or [], suite, out or results / "history", output)
