"""`bench.py verify engine`."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli import options


def command(
    rounds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Rounds; each starts every load generator again.")
    ] = 10,
    seconds: Annotated[int, typer.Option(min=1, metavar="N", help="Duration of each trial.")] = 1,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the order in each round.")] = 1,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    wait: options.Wait = False,
) -> None:
    """Benchmark the load generator against wrk, stock Locust and known latencies.

    Takes about five minutes. One load process runs on one core, a server on another; wrk is included if it
    is installed. Latencies are compared with those of wrk and with the known delays of a test server
    (calibration/target.py).
    """
    from harness.studies.load_engine import run

    run.measure(rounds, seconds, seed, options.output(as_json=as_json, quiet=quiet), wait=wait)
