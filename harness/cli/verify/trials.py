"""`bench.py verify trials`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options
from harness.errors import SuiteError


def command(
    trials: Annotated[int, typer.Option(min=1, metavar="N", help="Trials per kind.")] = 40,
    out: Annotated[Path, options.out("Folder of the trials; those already in it are kept.")] = Path(
        "results/calibration"
    ),
    seed: options.Seed = None,
    shapes: Annotated[
        bool,
        typer.Option(
            "--shapes", help="Add kinds that show the shape of the estimates, not only error rates."
        ),
    ] = False,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="NAME",
            help=f"Only trials of this kind; an unknown name lists all kinds. {options.REPEAT}",
        ),
    ] = None,
    gate: Annotated[
        bool,
        typer.Option("--gate", help="Count wrong verdicts of `bench.py check` instead, commit by commit."),
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    wait: options.Wait = False,
) -> None:
    """Measure the tool's false-positive and detection rates with known slowdowns.

    Each trial compares two servers until decided, then with back-to-back runs of wrk and of Locust and a
    threshold of 5 %. It takes about a minute. Finished trials are kept, so an interrupted calibration
    continues where it stopped.

    With `--gate` a trial is a commit in a temporary clone of this checkout: a line in README, or busy work
    worth 10 % of one scheme's server CPU. `bench.py check --against HEAD~1` should pass the first, and fail
    the second by that scheme's name. A trial takes a few minutes.
    """
    from harness.studies.calibration import run

    output = options.output(as_json=as_json, quiet=quiet)
    if gate and (shapes or kinds):
        raise SuiteError("--shapes and --kind do not apply to --gate: its trials are commits.")
    if gate:
        run.calibrate_gate(trials, out, seed, output, wait=wait)
    else:
        run.calibrate(run.chosen(kinds or [], shapes=shapes), trials, out, seed, output, wait=wait)
