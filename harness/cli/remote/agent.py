"""`bench.py remote agent`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from harness.system.signals import until_stopped


def command(
    bind: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Address to listen on. Port 0: any free port.")
    ] = "127.0.0.1:5600",
) -> None:
    """Report CPU and memory of local servers to a benchmark on another machine.

    The secret is COOKIES_VS_TOKENS_SECRET, or the content of the file that COOKIES_VS_TOKENS_SECRET_FILE
    names. The suite of the run names this address as `agent` beside the addresses of the servers. The agent
    reports only CPU time, memory and processes of servers, by port. Its responses are authenticated, not
    encrypted: bind it to a private network. Linux only. Press Ctrl-C to stop.
    """
    from harness.testbed.agent import server

    with until_stopped():
        server.run(bind, os.environ, lambda text: print(text, flush=True))
