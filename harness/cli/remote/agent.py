"""`bench.py remote agent`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from harness.cli import output


def command(
    bind: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to listen. Port 0: any free one.")
    ] = "127.0.0.1:5600",
) -> None:
    """Report CPU and memory of local servers to a benchmark on another machine.

    The secret is COOKIES_VS_TOKENS_SECRET, or in the file that COOKIES_VS_TOKENS_SECRET_FILE names. The run's
    suite names this as `agent` beside the addresses of the servers. It answers about nothing but the ports of
    servers: their CPU time, memory and processes. Its answers are authenticated, not encrypted: bind it to a
    private network. Linux only. Ctrl-C ends it.
    """
    from harness.testbed.agent import run

    with output.until_stopped():
        run.run(bind, os.environ, lambda text: print(text, flush=True))
