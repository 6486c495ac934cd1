"""`bench.py verify trials`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options, output
from harness.errors import SuiteError


def command(
    trials: Annotated[int, typer.Option(min=1, metavar="N", help="Trials per kind.")] = 40,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="FOLDER", help="Folder of the trials; those it holds are kept."),
    ] = Path("results/calibration"),
    seed: options.Seed = None,
    shapes: Annotated[
        bool,
        typer.Option("--shapes", help="Add the kinds that show how estimates behave, besides error rates."),
    ] = False,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="NAME",
            help=f"Only trials of this kind; an unknown name lists them. {options.REPEAT}",
        ),
    ] = None,
    gate: Annotated[
        bool,
        typer.Option("--gate", help="Count wrong answers of `bench.py check` instead, commit by commit."),
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    wait: options.Wait = False,
) -> None:
    """Measure the tool's false-positive and detection rates with known slowdowns.

    Every trial compares two arms until decided, then judges them by back-to-back runs of wrk and of Locust
    with a threshold of 5 %. About a minute each. Each trial is kept when it is done, so a calibration that
    was stopped continues where it was.

    With `--gate` a trial is a commit in a scratch clone of this checkout: a line in README, or busy work
    worth 10 % of one scheme's server CPU. `bench.py check --against HEAD~1` should pass the one, and fail the
    other by that scheme's name. A few minutes each.
    """
    from harness.studies.calibration import run

    console = output.console(as_json=as_json, quiet=quiet)
    if gate and (shapes or kinds):
        raise SuiteError("--shapes and --kind do not belong to --gate, whose trials are commits.")
    if gate:
        run.calibrate_gate(trials, out, seed, console, print_json=as_json, wait=wait)
        return
    chosen = run.chosen(kinds or [], shapes=shapes)
    run.calibrate(chosen, trials, out, seed, console, print_json=as_json, wait=wait)
