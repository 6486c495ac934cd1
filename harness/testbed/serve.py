"""Start servers to try them by hand."""

from __future__ import annotations

import time
from typing import Final

from rich.console import Console

from harness.errors import SuiteError
from harness.suites import catalog
from harness.suites.arms import arms_of_schemes
from harness.system.suggest import did_you_mean
from harness.testbed import launcher
from harness.testbed.launcher import ServerOptions
from harness.testbed.rig import Rig

#: Seconds between looks at whether all that was started is alive.
_LOOK_EVERY_S: Final = 0.5


def serve(arms: list[str], port: int, loop: str, redis_url: str | None, console: Console) -> None:
    """Run one server of each arm until Ctrl-C, and print how to try them.

    Raises:
        SuiteError: A scheme that does not exist.
        EnvironmentFailedError: A port is taken, there is no store, or a server died.
    """
    schemes = catalog.schemes()
    launcher.check_loop(loop)
    for arm in arms:
        if arm not in schemes:
            raise SuiteError(
                f"{arm}: no such scheme.{did_you_mean(arm, schemes)} There are {', '.join(schemes)}."
            )
    with Rig(
        arms_of_schemes(schemes[arm] for arm in arms).values(),
        ServerOptions(users=100, password_cost="owasp", loop=loop, port=port),  # noqa: S106 - a profile's name
        redis_url=redis_url,
    ) as rig:
        for instance in rig.instances:
            target = instance.target
            console.rule(f"{target.arm} at http://{target.host}:{target.port}")
            print(instance.ready["try_it"])
        print("Ctrl-C ends them.", flush=True)
        while True:
            rig.check_alive()
            time.sleep(_LOOK_EVERY_S)
