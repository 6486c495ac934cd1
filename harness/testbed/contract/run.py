"""Implementation of `bench.py verify server`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from rich.console import Console
from rich.markup import escape

from harness.errors import ConformanceError, SuiteError
from harness.protocol.dialect import CONTRACT
from harness.suites import catalog
from harness.suites.arms import Arm, arms_of_schemes
from harness.suites.external import Transport, host_and_port, is_loopback
from harness.suites.parse import unknown
from harness.testbed import external
from harness.testbed.client import ApiClient
from harness.testbed.contract.check import Checkup, examine
from harness.testbed.contract.requirement import ServerUnderTest, requirements
from harness.testbed.launcher import ServerOptions
from harness.testbed.rig import Rig

_MARKS: Final = {
    "met": "[green]met    [/]",
    "not met": "[red]not met[/]",
    "absent": "[dim]absent [/]",
}
_WEIGHTS: Final = {"needed": "required", "advised": "recommended"}


@dataclass(frozen=True)
class ContractRequest:
    """Arguments of the command.

    Attributes:
        target: Scheme, address, or suite with external servers.
        arms: Names of the suite's servers to check; empty for all.
        strict: Whether recommendations count like requirements.
        may_load_others: Whether the user allows requests to other machines.
        redis_url: URL of the user's store; None for a private one.
    """

    target: str
    arms: Sequence[str] = ()
    strict: bool = False
    may_load_others: bool = False
    redis_url: str | None = None


def conform(request: ContractRequest, console: Console, *, print_json: bool) -> None:
    """Check the servers of a target one after the other, and print the results.

    Raises:
        SuiteError: There is no such target.
        EnvironmentFailedError: A server did not start, or does not answer.
        ConformanceError: A server does not meet the contract.
    """
    checkups: list[Checkup] = []
    for name, subject in _subjects(request):
        checkups.append(examine(name, subject, requirements()))
        if not print_json:
            _print_results(checkups[-1], console)
    if print_json:
        sys.stdout.write(json.dumps([checkup.as_json() for checkup in checkups]) + "\n")
        sys.stdout.flush()
    failed = {
        checkup.server: len(unmet) for checkup in checkups if (unmet := checkup.unmet(strict=request.strict))
    }
    if failed:
        counts = ", ".join(f"{name} ({count})" for name, count in failed.items())
        raise ConformanceError(f"not met: {counts}; the lines above show what each server did instead.")
    console.print("exit code 0", highlight=False)


def _subjects(request: ContractRequest) -> Iterator[tuple[str, ServerUnderTest]]:
    """Yield the servers to check, each running until the next one."""
    if "://" in request.target:
        yield request.target, _at(request)
        return
    schemes = arms_of_schemes(catalog.schemes().values())
    if request.target in schemes:
        arms = [schemes[request.target]]
    else:
        suite = catalog.load_suite(request.target)
        external.check(suite, request.target, may_load_others=request.may_load_others)
        servers = external.arms(suite)
        if not servers:
            raise SuiteError(f"{request.target}: expected a suite with servers of your own ([own.NAME]).")
        if wrong := [name for name in request.arms if name not in servers]:
            raise SuiteError(unknown("--schemes", f"an [own.NAME] of {request.target}", wrong[0], servers))
        arms = [arm for name, arm in servers.items() if name in (request.arms or servers)]
    for arm in arms:
        with _up(arm, request.redis_url) as subject:
            yield arm.name, subject


@contextmanager
def _up(arm: Arm, redis_url: str | None) -> Iterator[ServerUnderTest]:
    """Run a server of an arm within the context, without its agent, since nothing is measured."""
    without_agent = arm if arm.own is None else replace(arm, own=arm.own.model_copy(update={"agent": None}))
    with Rig(
        [without_agent],
        ServerOptions(users=100),
        redis_url=redis_url,
        checked=False,
    ) as rig:
        target = rig.instances[0].target
        yield ServerUnderTest(target.host, target.port, target.dialect, _transport(arm.scheme.transport))


def _at(request: ContractRequest) -> ServerUnderTest:
    """Return the server at an address, with the paths and fields of the contract itself."""
    try:
        host, port = host_and_port(request.target)
    except ValueError as error:
        raise SuiteError(str(error)) from error
    if not is_loopback(host) and not request.may_load_others:
        raise SuiteError(
            f"{host} is not this machine, and this command logs in, writes and guesses passwords there: if it"
            " is yours, allow it with --load-other-machines."
        )
    client = ApiClient(host, port)
    client.log_in(CONTRACT.accounts.example, CONTRACT.accounts.password)
    return ServerUnderTest(host, port, CONTRACT, "cookie" if client.cookie else "bearer")


def _transport(name: str) -> Transport:
    known: Sequence[Transport] = ("cookie", "bearer", "none")
    return next(transport for transport in known if transport == name)


def _print_results(checkup: Checkup, console: Console) -> None:
    log = partial(console.print, highlight=False, soft_wrap=True)
    log(f"[bold]{escape(checkup.server)}[/]")
    for line in checkup.lines:
        detail = f": {line.detail}" if line.detail else ""
        log(f"{_MARKS[line.outcome]}  {_WEIGHTS[line.weight]:11}  {escape(line.requirement + detail)}")
    counts = {outcome: sum(line.outcome == outcome for line in checkup.lines) for outcome in _MARKS}
    log(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
