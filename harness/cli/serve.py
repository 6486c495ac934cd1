"""`bench.py serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli import options
from harness.system.signals import until_stopped


def command(
    schemes: Annotated[
        list[str] | None, typer.Argument(metavar="[SCHEME]...", help="[default: cookie, token]")
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="Port of the first server; the next ones follow. 0: any free port."
        ),
    ] = 8001,
    loop: options.Loop = options.EventLoop.UVLOOP,
    redis_url: options.RedisUrl = None,
) -> None:
    """Start the demo servers and print curl examples. Press Ctrl-C to stop."""
    from harness.testbed.serve import serve

    with until_stopped():
        serve(schemes or ["cookie", "token"], port, loop, redis_url, options.output().console)
