"""Implementation of `bench.py verify server`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Final

from rich.console import Console
from rich.markup import escape

from harness.errors import ConformanceError, SuiteError
from harness.protocol.dialect import CONTRACT
from harness.suites import catalog
from harness.suites.arms import arms_of_schemes
from harness.suites.external import host_and_port, is_loopback
from harness.suites.parse import unknown
from harness.system.output import Output
from harness.testbed import external
from harness.testbed.client import ApiClient
from harness.testbed.contract.check import Checkup, examine
from harness.testbed.contract.requirement import ServerUnderTest, requirements
from harness.testbed.launcher import ServerOptions
from harness.testbed.rig import Rig
from harness.testbed.store.server import StoreOptions

_MARKS: Final = {
    "met": "[green]met    [/]",
    "not met": "[red]not met[/]",
    "absent": "[dim]absent [/]",
}
_WEIGHTS: Final = {"needed": "required", "advised": "recommended"}


def conform(
    target: str,
    output: Output,
    *,
    arms: Sequence[str] = (),
    strict: bool = False,
    may_load_others: bool = False,
    redis_url: str | None = None,
) -> None:
    """Check the servers of a target one after the other, and print the results.

    Args:
        target: Scheme, address, or suite with external servers.
        output: Receives the results.
        arms: Names of the suite's servers to check; empty for all.
        strict: Whether recommendations count like requirements.
        may_load_others: Whether the user allows requests to other machines.
        redis_url: URL of the user's store; None for a private one.

    Raises:
        SuiteError: There is no such target.
        EnvironmentFailedError: A server did not start, or does not answer.
        ConformanceError: A server does not meet the contract.
    """
    checkups: list[Checkup] = []
    for name, subject in _subjects(target, arms, redis_url, may_load_others=may_load_others):
        checkups.append(examine(name, subject, requirements()))
        if not output.as_json:
            _print_results(checkups[-1], output.console)
    output.json(json.dumps([asdict(checkup) for checkup in checkups]))
    failed = {checkup.server: len(unmet) for checkup in checkups if (unmet := checkup.unmet(strict=strict))}
    if failed:
        counts = ", ".join(f"{name} ({count})" for name, count in failed.items())
        raise ConformanceError(f"not met: {counts}; the lines above show what each server did instead.")
    output.log("exit code 0")


def _subjects(
    target: str, names: Sequence[str], redis_url: str | None, *, may_load_others: bool
) -> Iterator[tuple[str, ServerUnderTest]]:
    """Yield the servers to check, each running until the next one."""
    if "://" in target:
        yield target, _at(target, may_load_others=may_load_others)
        return
    schemes = arms_of_schemes(catalog.schemes().values())
    if target in schemes:
        arms = [schemes[target]]
    else:
        suite = catalog.load_suite(target)
        external.check(suite, target, may_load_others=may_load_others)
        servers = external.arms(suite)
        if not servers:
            raise SuiteError(f"{target}: expected a suite with servers of your own ([own.NAME]).")
        if wrong := [name for name in names if name not in servers]:
            raise SuiteError(unknown("--schemes", f"an [own.NAME] of {target}", wrong[0], servers))
        arms = [arm for name, arm in servers.items() if name in (names or servers)]
    for arm in arms:
        if arm.own is not None:  # without its agent, since nothing is measured
            arm = replace(arm, own=arm.own.model_copy(update={"agent": None}))  # noqa: PLW2901
        with Rig([arm], ServerOptions(users=100), store=StoreOptions(redis_url), checked=False) as rig:
            server = rig.instances[0].target
            yield arm.name, ServerUnderTest(server.host, server.port, server.dialect, arm.scheme.transport)


def _at(target: str, *, may_load_others: bool) -> ServerUnderTest:
    """Return the server at an address, with the paths and fields of the contract itself."""
    try:
        host, port = host_and_port(target)
    except ValueError as error:
        raise SuiteError(str(error)) from error
    if not is_loopback(host) and not may_load_others:
        raise SuiteError(
            f"{host} is not this machine, and this command logs in, writes and guesses passwords there: if it"
            " is yours, allow it with --load-other-machines."
        )
    client = ApiClient(host, port)
    client.log_in(CONTRACT.accounts.example, CONTRACT.accounts.password)
    return ServerUnderTest(host, port, CONTRACT, "cookie" if client.cookie else "bearer")


def _print_results(checkup: Checkup, console: Console) -> None:
    log = partial(console.print, highlight=False, soft_wrap=True)
    log(f"[bold]{escape(checkup.server)}[/]")
    for line in checkup.lines:
        detail = f": {line.detail}" if line.detail else ""
        log(f"{_MARKS[line.outcome]}  {_WEIGHTS[line.weight]:11}  {escape(line.requirement + detail)}")
    counts = {outcome: sum(line.outcome == outcome for line in checkup.lines) for outcome in _MARKS}
    log(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
