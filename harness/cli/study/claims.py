"""`bench.py study claims`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options


def command(
    numbers: Annotated[
        list[int] | None,
        typer.Argument(metavar="[NUMBER]...", help="Claim numbers (`bench.py list claims`). [default: all]"),
    ] = None,
    out: Annotated[Path, options.out("Folder of the verdicts; those already in it are kept.")] = Path(
        "results/claims"
    ),
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    wait: options.Wait = False,
) -> None:
    """Test the 27 claims of Auth0's 2014 article and its readers on live servers.

    Each verdict comes with the experiment, its rule and its figures, in claims.json and claims.md. For a
    claim that cannot be tested, the reason is given. An interrupted study continues where it stopped.
    """
    from harness.studies.claims import run

    run.run_claims(numbers or [], out, options.output(as_json=as_json, quiet=quiet), wait=wait)
