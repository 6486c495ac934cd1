"""`bench.py study browser`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options


def command(
    batches: Annotated[
        int, typer.Option(min=2, max=100, metavar="N", help="Batches, each with fresh servers and browser.")
    ] = 6,
    rounds: Annotated[
        int, typer.Option(min=1, max=100, metavar="N", help="Rounds per batch: one click in each case.")
    ] = 10,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the order of cases in each round.")] = 1,
    out: options.RunFolder = None,
    results: options.Results = Path("results"),
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    wait: options.Wait = False,
) -> None:
    """Measure click-to-response latency in Chromium, cookie vs token.

    The page is at the API's origin or at another one, with preflights cached or sent each time; all cases
    alternate. Chromium delivers a response only in the frame after the click, so the arrival of its last
    byte is reported, too. All clicks are recorded in wait.json. `make browser` finds or installs a Chromium.
    """
    from harness.studies.browser import run
    from harness.studies.browser.file import WaitPlan

    folder = out or options.new_folder(results, "browser")
    output = options.output(as_json=as_json, quiet=quiet)
    run.measure(WaitPlan(batches, rounds, seed), folder, output, wait=wait)
