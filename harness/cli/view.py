"""`bench.py view`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options, output


def command(
    results: options.Results = Path("results"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on. 0: any free one.")] = 8090,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in a browser at once.")] = False,
) -> None:
    """Browse results, live runs and trends. Ctrl-C ends it.

    Lists what lies below --results, newest first, by suite, scheme and machine. It only reads, and listens on
    127.0.0.1 alone. A page of a live run costs one look at a small file a second; other pages cost more, so
    leave them until the run is over.
    """
    from harness.report.viewer.run import view

    with output.until_stopped():
        view(results, port, open_browser=open_browser)
