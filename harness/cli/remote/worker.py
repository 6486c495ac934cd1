"""`bench.py remote worker`."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli import output


def command(
    run_at: Annotated[str, typer.Argument(metavar="HOST:PORT", help="Address of the run, as it printed it.")],
    timeout: Annotated[
        float,
        typer.Option(min=1, metavar="SECONDS", help="Give up after this long without a message of the run."),
    ] = 60,
) -> None:
    """Run a load worker for a benchmark started on another machine (`run --expect-workers`).

    The environment holds the run's secret in COOKIES_VS_TOKENS_SECRET, or the name of a file with it in
    COOKIES_VS_TOKENS_SECRET_FILE. A worker is one process on one CPU: start one for each CPU that is to load.
    It sends load wherever the holder of that secret says. Ctrl-C ends it, and makes the run invalid.
    """
    from harness.load.worker import work

    with output.until_stopped():
        work(run_at, timeout, output.console())
