"""What `bench.py verify server` does, told to a console."""

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


@dataclass(frozen=True)
class ContractRequest:
    """What the command line asks for.

    Attributes:
        target: A scheme, an address, or a suite with servers of its own.
        arms: Which of that suite's servers; none for all of them.
        strict: Whether what is advised counts as what is needed does.
        may_load_others: Whether the user allows it on other machines.
        redis_url: A store of the user's own.
    """

    target: str
    arms: Sequence[str] = ()
    strict: bool = False
    may_load_others: bool = False
    redis_url: str | None = None


def conform(asked: ContractRequest, console: Console, *, print_json: bool) -> None:
    """Ask a target's servers everything, one after the other, and tell.

    Raises:
        SuiteError: There is no such target.
        EnvironmentFailedError: A server would not start, or does not answer.
        ConformanceError: One does not meet the contract.
    """
    found: list[Checkup] = []
    for name, subject in _subjects(asked):
        found.append(examine(name, subject, requirements()))
        if not print_json:
            _print_results(found[-1], console)
    if print_json:
        sys.stdout.write(json.dumps([one.as_json() for one in found]) + "\n")
        sys.stdout.flush()
    bad = {one.server: len(unmet) for one in found if (unmet := one.unmet(strict=asked.strict))}
    if bad:
        told = ", ".join(f"{name} ({count})" for name, count in bad.items())
        raise ConformanceError(f"not met: {told}; the lines above say what each did instead.")
    console.print("exit code 0", highlight=False)


def _subjects(asked: ContractRequest) -> Iterator[tuple[str, ServerUnderTest]]:
    """The servers to ask, each up while it is asked."""
    if "://" in asked.target:
        yield asked.target, _at(asked)
        return
    schemes = arms_of_schemes(catalog.schemes().values())
    if asked.target in schemes:
        arms = [schemes[asked.target]]
    else:
        suite = catalog.load_suite(asked.target)
        external.check(suite, asked.target, may_load_others=asked.may_load_others)
        servers = external.arms(suite)
        if not servers:
            raise SuiteError(f"{asked.target}: expected a suite with servers of its own ([own.NAME]).")
        if wrong := [name for name in asked.arms if name not in servers]:
            raise SuiteError(unknown("--schemes", f"an [own.NAME] of {asked.target}", wrong[0], servers))
        arms = [arm for name, arm in servers.items() if name in (asked.arms or servers)]
    for arm in arms:
        with _up(arm, asked.redis_url) as subject:
            yield arm.name, subject


@contextmanager
def _up(arm: Arm, redis_url: str | None) -> Iterator[ServerUnderTest]:
    """A server of an arm, alive within the context; nobody reads what it costs."""
    unread = arm if arm.own is None else replace(arm, own=arm.own.model_copy(update={"agent": None}))
    with Rig(
        [unread],
        ServerOptions(users=100),
        redis_url=redis_url,
        checked=False,
    ) as rig:
        target = rig.instances[0].target
        yield ServerUnderTest(target.host, target.port, target.dialect, _transport(arm.scheme.transport))


def _at(asked: ContractRequest) -> ServerUnderTest:
    """The server at an address, as if it spoke the contract to the letter."""
    try:
        host, port = host_and_port(asked.target)
    except ValueError as error:
        raise SuiteError(str(error)) from error
    if not is_loopback(host) and not asked.may_load_others:
        raise SuiteError(
            f"{host} is not this machine, and this logs in, writes and guesses passwords there: if it is"
            " yours, say so with --load-other-machines."
        )
    caller = ApiClient(host, port)
    caller.log_in(CONTRACT.accounts.example, CONTRACT.accounts.password)
    return ServerUnderTest(host, port, CONTRACT, "cookie" if caller.cookie else "bearer")


def _transport(name: str) -> Transport:
    known: Sequence[Transport] = ("cookie", "bearer", "none")
    return next(one for one in known if one == name)


def _print_results(checkup: Checkup, console: Console) -> None:
    log = partial(console.print, highlight=False, soft_wrap=True)
    log(f"[bold]{escape(checkup.server)}[/]")
    for line in checkup.lines:
        detail = f": {line.detail}" if line.detail else ""
        log(f"{_MARKS[line.outcome]}  {line.weight:7}  {escape(line.requirement + detail)}")
    counts = {outcome: sum(one.outcome == outcome for one in checkup.lines) for outcome in _MARKS}
    log(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
