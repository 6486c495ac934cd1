"""`bench.py study advise`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options


def command(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="Folder, result file or id of a run, or `latest`. [default: the latest of suite claims]",
        ),
    ] = None,
    store_rtt: Annotated[
        float | None,
        typer.Option(min=0, metavar="MS", help="Round-trip time to your store. [default: 0.5]"),
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
    """Estimate each scheme's cost for your latency, load and revocation needs.

    The estimates are based on a run. Each has a confidence interval, and the model's error on held-out
    measurements is reported.
    """
    from harness.studies.advice import question
    from harness.studies.advice.run import print_advice

    inputs = question.of(
        store_rtt_ms=store_rtt,
        rate=rate,
        sessions=sessions,
        profile_bytes=profile_bytes,
        revoke_within_s=revoke_within,
    )
    print_advice(run, results, inputs, options.output(as_json=as_json))
