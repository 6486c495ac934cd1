"""Implementation of `bench.py remote agent`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from harness.errors import EnvironmentFailedError, SuiteError
from harness.suites import external
from harness.testbed.agent import messages, server


def run(bind: str, environment: Mapping[str, str], log: Callable[[str], None]) -> None:
    """Answer requests of runs until KeyboardInterrupt.

    Args:
        bind: Address to listen on, as `HOST:PORT`.
        environment: Environment variables with the secret.
        log: Receives messages, line by line.

    Raises:
        SuiteError: `bind` is not `HOST:PORT`, or there is no secret.
        EnvironmentFailedError: The address is not available, or this system is not Linux.
    """
    try:
        host, port = external.agent_at(bind)
    except ValueError as error:
        raise SuiteError(f"--bind: {error}") from error
    secret = messages.secret_of(environment)
    if sys.platform != "linux":
        raise EnvironmentFailedError(
            "the agent runs on Linux only: it finds the processes of a port in /proc."
        )
    server.run(host, port, secret, log)
