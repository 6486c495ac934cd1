"""`bench.py remote worker`."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.system.output import Output
from harness.system.signals import until_stopped


def command(
    run_at: Annotated[str, typer.Argument(metavar="HOST:PORT", help="Address that the run printed.")],
    timeout: Annotated[
        float,
        typer.Option(min=1, metavar="SECONDS", help="Maximum time without a message from the run."),
    ] = 60,
) -> None:
    """Run a load worker for a benchmark started on another machine (`run --expect-workers`).

    The secret of the run is COOKIES_VS_TOKENS_SECRET, or the content of the file that
    COOKIES_VS_TOKENS_SECRET_FILE names. A worker is one process on one CPU: start one per CPU that generates
    load. Anyone with the secret can direct its load to any address. Ctrl-C stops it, and makes the run
    invalid.
    """
    from harness.load.worker import work

    with until_stopped():
        work(run_at, timeout, Output.of().console)
