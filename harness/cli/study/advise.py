"""`bench.py study advise`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options, output


def command(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="A folder, result file or id of a run, or `latest`. [default: the latest of suite claims]",
        ),
    ] = None,
    store_rtt: Annotated[
        float | None,
        typer.Option(min=0, metavar="MS", help="Round trip to your store. [default: 0.5]"),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(metavar="N", help="Restricted reads per second. [default: 1000]")
    ] = None,
    sessions: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Users logged in at the same time. [default: 100000]"),
    ] = None,
    profile_bytes: Annotated[
        int | None,
        typer.Option(min=1, metavar="BYTES", help="Payload of a session or token. [default: minimal]"),
    ] = None,
    revoke_within: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Maximum time until a blocked account loses access. [default: no requirement]",
        ),
    ] = None,
    results: options.Results = Path("results"),
    as_json: options.Json = False,
) -> None:
    """Estimate each scheme's cost for your latency, load and revocation needs, from a run.

    Each figure has the interval of what was measured; beside it stands the model's error at measurements
    that it was not fitted to.
    """
    from harness.studies.advice import question
    from harness.studies.advice.run import print_advice

    asked = question.of(
        store_rtt_ms=store_rtt,
        rate=rate,
        sessions=sessions,
        profile_bytes=profile_bytes,
        revoke_within_s=revoke_within,
    )
    print_advice(run, results, asked, output.console(as_json=as_json), print_json=as_json)
