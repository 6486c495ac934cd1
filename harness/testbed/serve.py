"""Starts servers to try them by hand."""

from __future__ import annotations

import time

from rich.console import Console

from harness.errors import SuiteError
from harness.suites import catalog
from harness.suites.arms import arms_of_schemes
from harness.system.suggest import did_you_mean
from harness.testbed.launcher import ServerOptions
from harness.testbed.rig import Rig
from harness.testbed.store.server import StoreOptions
from servers.contract import authority


def serve(arms: list[str], port: int, loop: str, redis_url: str | None, console: Console) -> None:
    """Run one server of each scheme until Ctrl-C, and print how to try them.

    Raises:
        SuiteError: A scheme does not exist.
        EnvironmentFailedError: A port is in use, the store does not answer, or a server died.
    """
    schemes = catalog.schemes()
    for arm in arms:
        if arm not in schemes:
            raise SuiteError(
                f"{arm}: no such scheme.{did_you_mean(arm, schemes)} Schemes: {', '.join(schemes)}."
            )
    with Rig(
        arms_of_schemes(schemes[arm] for arm in arms).values(),
        ServerOptions(users=100, password_cost="owasp", loop=loop, port=port),  # noqa: S106 - a profile's name
        store=StoreOptions(redis_url),
    ) as rig:
        for instance in rig.instances:
            target = instance.target
            console.rule(f"{target.arm} at http://{authority(target.host, target.port)}")
            print(instance.ready["try_it"])
        print("Ctrl-C stops the servers.", flush=True)
        while True:
            rig.check_alive()
            time.sleep(0.5)
