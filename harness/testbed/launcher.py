"""Starts the instances of arms: from a tree of ours, or by somebody else's command; or finds them running."""

from __future__ import annotations

import json
import os
import secrets
import selectors
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from harness.errors import EnvironmentFailedError, InvalidMeasurementError, SuiteError
from harness.protocol.plan import Target
from harness.suites.arms import Arm
from harness.suites.external import ExternalServer, host_and_port
from harness.system import cpus, processes, signals
from harness.system.cpus import Placement
from harness.system.process_groups import ProcessGroups
from harness.system.source_tree import Tree
from harness.testbed import external
from harness.testbed.agent.client import Agents
from harness.testbed.meters import Meter, ProcessMeter

_START_TIMEOUT_S: Final = 90
#: Where servers listen unless told otherwise, as `python -m servers` does.
LOOPBACK: Final = "127.0.0.1"
#: Connections stay open for a whole run; aiohttp's default of 75 s would close idle ones in between.
_KEEPALIVE_S: Final = 24 * 3600
#: With long profiles a credential may be as long as the parser lets any header be.
_LONG_CREDENTIAL_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Instance:
    """One running server and what it said, or is known, of itself.

    Attributes:
        target: Where it is.
        ready: Its `package` and `digest`, and what else it said.
        meter: Reads its CPU and memory; None where nobody here can.
        process: What was started; None where it ran already.
        log: Where that writes.
    """

    target: Target
    ready: Mapping[str, Any]
    meter: Meter | None
    process: subprocess.Popen[bytes] | None = None
    log: Path | None = None

    @property
    def pids(self) -> list[int]:
        """Those of all that serve it, the one that all come from first; none where they are not here."""
        return self.meter.members if isinstance(self.meter, ProcessMeter) else []

    @property
    def pid(self) -> int:
        """Process id of one that was started here."""
        if self.process is None:
            raise AssertionError(f"{self.target.arm} was not started here")
        return self.process.pid


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """How all servers of ours serve.

    Attributes:
        users: Accounts to seed for virtual users.
        password_cost: argon2 profile.
        loop: `uvloop` or `asyncio`.
        port: Port of the first instance; 0 for any free ones.
        profile_bytes: Length of the virtual users' profiles; None where they are as short as they come.
        lifetime_s: Seconds that credentials live; None where they live as long as each scheme has it.
        processes_each: How many serve behind each port.
        host: Address of this machine at which they listen.
    """

    users: int
    password_cost: str = "bench"  # noqa: S105 - a profile's name
    loop: str = "uvloop"
    port: int = 0
    profile_bytes: int | None = None
    lifetime_s: int | None = None
    processes_each: int = 1
    host: str = LOOPBACK


class Launcher:
    """Starts instances of arms, and ends them all with `close`.

    Args:
        arms: Whose.
        serving: How those of ours serve.
        folder: For accounts and logs.
        prefix: What every key in the store begins with; an arm's name follows.
        placement: CPUs by role.
    """

    def __init__(
        self, arms: Sequence[Arm], serving: ServerOptions, folder: Path, prefix: str, placement: Placement
    ) -> None:
        self._arms = arms
        self._serving = serving
        self._folder = folder
        self._prefix = prefix
        self._placement = placement
        self._started: list[subprocess.Popen[bytes]] = []
        self._groups = ProcessGroups()
        self._secret = secrets.token_urlsafe(48)
        self._accounts: dict[Tree, Path] = {}
        self._keys: dict[str, dict[str, str]] = {}
        self._hidden: list[str] = [self._secret]

    def prepare(self, store_url: str, hidden: Sequence[str]) -> None:
        """Seed the accounts and make the key pairs, by each arm's own code.

        Args:
            store_url: The servers' way to the store.
            hidden: What no message may show of what a server prints.

        Raises:
            EnvironmentFailedError: One could not be made.
        """
        self._store_url = store_url
        self._hidden += hidden
        self._seed_accounts()
        self._make_keys()

    def start(self, count: int, agents: Agents) -> list[Instance]:
        """Start so many instances of each arm, and add those that run already.

        Args:
            count: How many; of arms that are named by their addresses there are as many as these.
            agents: Read those on other machines.

        Raises:
            EnvironmentFailedError: One would not start.
            InvalidMeasurementError: One runs other code than was meant.
        """
        own = {arm.name: arm.own for arm in self._arms if arm.own is not None}
        pythons = {name: external.interpreter(server, name) for name, server in own.items()}
        told = {name: external.describe(server) for name, server in own.items()}
        ports = iter(external.free_ports(count * len(own)))
        waiting: list[Callable[[int, float], Instance]] = []
        for index in range(count):
            for arm in self._arms:
                log = self._folder / f"{arm.name}-{index}.log"
                port = self._serving.port + len(waiting) if self._serving.port else 0
                if arm.own is None:
                    variant = arm.variants[index % len(arm.variants)]
                    process = self._launch(arm, variant, port, log, self.secrets_of(arm))
                    waiting.append(partial(self._await, arm=arm, process=process, log=log))
                elif arm.own.command is not None:
                    port = port or next(ports)
                    process = self._launch_own(arm, arm.own, port, pythons[arm.name], log)
                    waiting.append(
                        partial(
                            self._await_own,
                            arm=arm,
                            own=arm.own,
                            told=told[arm.name],
                            port=port,
                            process=process,
                            log=log,
                        )
                    )
        deadline = time.monotonic() + _START_TIMEOUT_S
        instances = [await_it(number, deadline) for number, await_it in enumerate(waiting)]
        for arm in self._arms:
            if arm.own is not None:
                instances += _already_running(len(instances), arm, arm.own, told[arm.name], agents)
        return instances

    def start_one(self, arm: Arm, number: int, environment: Mapping[str, str]) -> Instance:
        """Start one more instance of an arm of ours, with secrets of its own.

        Args:
            arm: Which.
            number: Of the instance.
            environment: What its environment holds in place of `secrets_of`.

        Raises:
            EnvironmentFailedError: It would not start.
            InvalidMeasurementError: It runs other code than was meant.
        """
        log = self._folder / f"{arm.name}-beside.log"
        process = self._launch(arm, arm.variants[0], 0, log, environment)
        return self._await(number, time.monotonic() + _START_TIMEOUT_S, arm=arm, process=process, log=log)

    def close(self) -> None:
        """End all that was started."""
        processes.terminate(self._started)
        self._groups.close()

    def accounts_of(self, arm: Arm) -> Path:
        """The file with the accounts of an arm's servers."""
        return self._accounts[arm.tree]

    def secrets_of(self, arm: Arm) -> dict[str, str]:
        """What the environment of an arm's servers holds of secrets and keys."""
        return {"AUTH_SECRET": self._secret} | self._keys.get(arm.name, {}) | dict(arm.environment)

    def said(self, log: Path) -> str:
        """The last that a server printed, without the secrets that it was given."""
        text = processes.log_end(log)
        for secret in self._hidden:
            text = text.replace(secret, "…")
        return text

    def _seed_accounts(self) -> None:
        """One file a tree, made by its own code, for all arms that come from it."""
        serving = self._serving
        cost = ["--password-cost", serving.password_cost]
        users = ["--load-users", str(serving.users)]
        if serving.profile_bytes is not None:
            users += ["--profile-bytes", str(serving.profile_bytes)]
        for tree in dict.fromkeys(arm.tree for arm in self._arms if arm.own is None or arm.own.command):
            file = self._folder / f"accounts-{len(self._accounts)}.sqlite"
            processes.run_module(f"{tree.servers}.accounts", ["--file", str(file), *users, *cost], tree)
            self._accounts[tree] = file

    def _make_keys(self) -> None:
        """One key pair for all servers of an arm, where its scheme needs one."""
        for arm in self._arms:
            if pair := arm.scheme.key_pair:
                key = processes.run_module(f"{arm.tree.servers}.signing_keys", [pair], arm.tree)
                self._keys[arm.name] = {"AUTH_PRIVATE_KEY": key}

    def _launch(
        self, arm: Arm, variant: Sequence[str], port: int, log: Path, own: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """Start a server process of an arm; its environment holds `own`, and where the store is."""
        serving = self._serving
        long = serving.profile_bytes is not None
        arguments = [
            *variant,
            arm.scheme.name,
            *("--port", str(port)),
            *(["--host", serving.host] if serving.host != LOOPBACK else []),
            *("--loop", serving.loop),
            *("--password-cost", serving.password_cost),
            *("--accounts", str(self.accounts_of(arm))),
            *("--key-prefix", self._prefix_of(arm)),
            *("--keepalive", str(_KEEPALIVE_S)),
            *(["--max-credential-bytes", str(_LONG_CREDENTIAL_BYTES)] if long else []),
            *(["--processes", str(serving.processes_each)] if serving.processes_each > 1 else []),
            "--json",
        ]
        lifetime = {} if serving.lifetime_s is None else {"AUTH_LIFETIME_S": str(serving.lifetime_s)}
        environment = {"REDIS_URL": self._store_url, **lifetime, **own}
        with signals.deferred():
            process = processes.start(
                arm.module,
                arguments,
                log=log,
                environment=environment,
                tree=arm.tree,
                path_bytes=self._path_bytes(arm),
            )
            self._started.append(process)
        return process

    def _path_bytes(self, arm: Arm) -> int:
        """How long the path to a new instance's code is to be: as likely in one tree as in another."""
        longest = max(len(os.fsencode(other.tree.root)) for other in self._arms)
        shortest = longest + processes.LEAST_DETOUR_BYTES
        return shortest + secrets.randbelow(arm.path_lengths) if arm.path_lengths else 0

    def _await(
        self, number: int, deadline: float, *, arm: Arm, process: subprocess.Popen[bytes], log: Path
    ) -> Instance:
        ready = _await_ready(arm, process, log, deadline)
        target = Target(number, arm.name, ready["host"], ready["port"], arm.scheme.read_path)
        return Instance(target, ready, self._pinned(process.pid), process, log)

    def _launch_own(
        self, arm: Arm, own: ExternalServer, port: int, python: str, log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a server of somebody else's."""
        values = {
            "accounts": str(self.accounts_of(arm)),
            "redis_url": self._store_url,
            "key_prefix": self._prefix_of(arm),
            "secret": self._secret,
        }
        return external.start(arm.name, own, self._groups, port=port, python=python, values=values, log=log)

    def _await_own(
        self,
        number: int,
        deadline: float,
        *,
        arm: Arm,
        own: ExternalServer,
        told: Mapping[str, Any],
        port: int,
        process: subprocess.Popen[bytes],
        log: Path,
    ) -> Instance:
        external.await_ready(arm.name, own, port, process, deadline, partial(self.said, log))
        target = Target(number, arm.name, LOOPBACK, port, own.read_path, own.dialect)
        return Instance(target, told, self._pinned(process.pid), process, log)

    def _pinned(self, pid: int) -> ProcessMeter:
        """A meter of a server's processes, which are put on the servers' CPUs."""
        meter = ProcessMeter(pid)
        meter.meet()
        for one in meter.members:
            cpus.pin(one, self._placement.servers)
        return meter

    def _prefix_of(self, arm: Arm) -> str:
        return f"{self._prefix}{arm.name}:"


def _already_running(
    begin: int, arm: Arm, own: ExternalServer, told: Mapping[str, Any], agents: Agents
) -> Iterator[Instance]:
    """The instances of an arm that is named by its addresses."""
    for number, address in enumerate(own.address or (), begin):
        host, port = host_and_port(address)
        target = Target(number, arm.name, host, port, own.read_path, own.dialect)
        yield Instance(target, told, agents.meter(own.agent, port) if own.agent else None)


def _await_ready(arm: Arm, process: subprocess.Popen[bytes], log: Path, deadline: float) -> dict[str, Any]:
    """Read the ready line of a server that has just been started.

    Raises:
        EnvironmentFailedError: It did not start, or not in time.
        InvalidMeasurementError: It runs other code than was meant.
    """
    if process.stdout is None:
        raise AssertionError("servers are started with a pipe")
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(max(0.0, deadline - time.monotonic())):
            raise EnvironmentFailedError(f"server {arm.name} was not ready after {_START_TIMEOUT_S} s.")
    line = process.stdout.readline()
    try:
        ready = json.loads(line)
    except ValueError:
        process.wait(timeout=10)
        raise EnvironmentFailedError(f"server {arm.name} would not start: {processes.log_end(log)}") from None
    if Path(ready["package"]) != arm.tree.package:
        raise InvalidMeasurementError(
            f"server {arm.name} loaded its code from {ready['package']}, not from {arm.tree.package}."
        )
    return dict(ready)


LOOPS: Final = ("uvloop", "asyncio")


def check_loop(loop: str) -> None:
    """Refuse an event loop that servers do not have.

    Raises:
        SuiteError: Names those there are.
    """
    if loop not in LOOPS:
        raise SuiteError(f"--loop: expected one of {', '.join(LOOPS)} (got {loop!r})")
