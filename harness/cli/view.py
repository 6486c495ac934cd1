"""`bench.py view`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options
from harness.system.signals import until_stopped


def command(
    results: options.Results = Path("results"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on. 0: any free port.")] = 8090,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Browse results, trends and live runs in a local web UI. Press Ctrl-C to stop.

    Lists the results below --results, newest first, with filters by suite, scheme and machine. It only reads
    files, and listens on 127.0.0.1 only. A live page reads one small file per second; other pages use more
    CPU, so open them after the run.
    """
    from harness.report.viewer.run import view

    with until_stopped():
        view(results, port, open_browser=open_browser)
