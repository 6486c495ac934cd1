"""Which suites a load from several workers can measure."""

from __future__ import annotations

from collections.abc import Collection

from harness.errors import SuiteError
from harness.load.remote import Address
from harness.measure.run import Options
from harness.suites.external import host_and_port, is_loopback
from harness.suites.model import Suite


def check(suite: Suite, options: Options, incidents: Collection[str]) -> None:
    """Refuse what workers cannot share, or cannot reach.

    Args:
        suite: What is to be measured.
        options: Of the command line; they expect workers.
        incidents: The scenarios that all arms live through at once.

    Raises:
        SuiteError: Names it.
    """
    count = options.expect_workers
    if options.processes > 1:
        raise SuiteError(
            "--processes: load processes are of this machine; with --expect-workers there are none."
        )
    for index, scenario in enumerate(suite.scenarios):
        users = scenario.load.users
        if users % count:
            raise SuiteError(
                f"--expect-workers: expected a divisor of the users of every scenario, since Locust deals"
                f" them evenly: scenarios[{index}], {scenario.name}, has {users} (got {count})"
            )
        if count > 1 and scenario.load.p99_ms:
            raise SuiteError("--expect-workers: a search for capacity (p99_ms) is made by one load process.")
        if scenario.name in incidents:
            raise SuiteError("--expect-workers: an incident is driven by one load process of the run's own.")
    if not Address.parse(options.workers_bind).is_loopback:
        _check_reach(suite)


def _check_reach(suite: Suite) -> None:
    """Servers that listen on a loopback are those of a worker's own machine to the worker."""
    for name, server in suite.own.items():
        if server.command is not None:
            raise SuiteError(
                f"--workers-bind: own.{name} listens on 127.0.0.1, where workers on other machines do not"
                " reach it. Start it by hand at an address of this machine, and name that in address."
            )
        for address in server.address or ():
            if is_loopback(host_and_port(address)[0]):
                raise SuiteError(
                    f"--workers-bind: own.{name}.address: to a worker on another machine {address} is that"
                    " machine. Name it by an address that all reach."
                )
