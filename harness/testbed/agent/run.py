"""What `bench.py remote agent` does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from harness.errors import EnvironmentFailedError, SuiteError
from harness.suites import external
from harness.testbed.agent import messages, server


def run(bind: str, environment: Mapping[str, str], log: Callable[[str], None]) -> None:
    """Answer runs until KeyboardInterrupt.

    Args:
        bind: Where to listen, as `HOST:PORT`.
        environment: Names the secret.
        log: Told what happens, line by line.

    Raises:
        SuiteError: `bind` is not written so, or there is no secret.
        EnvironmentFailedError: It cannot listen there, or not read processes on this system.
    """
    try:
        host, port = external.agent_at(bind)
    except ValueError as error:
        raise SuiteError(f"--bind: {error}") from error
    secret = messages.secret_of(environment)
    if sys.platform != "linux":
        raise EnvironmentFailedError(
            "an agent finds what listens on a port in Linux's /proc: there is none here."
        )
    server.run(host, port, secret, log)
