"""Starts server instances from a source tree or by an external server's command, or uses running ones."""

from __future__ import annotations

import json
import os
import secrets
import selectors
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from harness.errors import EnvironmentFailedError, InvalidMeasurementError
from harness.protocol.plan import Target
from harness.suites.arms import Arm
from harness.suites.external import ExternalServer, host_and_port
from harness.system import cpus, processes, signals
from harness.system.cpus import Placement
from harness.system.ports import LOOPBACK, free_ports
from harness.system.process_groups import ProcessGroups
from harness.system.source_tree import Tree
from harness.testbed import external
from harness.testbed.agent.client import Agents
from harness.testbed.meters import Meter, ProcessMeter

_START_TIMEOUT_S: Final = 90
#: Connections stay open for a whole run; aiohttp's default of 75 s would close idle ones.
_KEEPALIVE_S: Final = 24 * 3600
#: With long profiles a credential may be as long as the parser permits for any header.
_LONG_CREDENTIAL_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Instance:
    """One running server, with its description of itself.

    Attributes:
        target: Address and arm of the server.
        ready: Its `package`, its `digest`, and the other fields of its ready line.
        meter: Meter of its CPU and memory; None if they cannot be read.
        process: Process that was started; None if the server ran already.
        log: Log file of that process.
    """

    target: Target
    ready: Mapping[str, Any]
    meter: Meter | None
    process: subprocess.Popen[bytes] | None = None
    log: Path | None = None

    @property
    def pids(self) -> list[int]:
        """Return its process ids, the root process first; none if it runs elsewhere."""
        return self.meter.members if isinstance(self.meter, ProcessMeter) else []

    @property
    def pid(self) -> int:
        """Return the id of the process that was started for it."""
        if self.process is None:
            raise AssertionError(f"{self.target.arm} was not started by this run")
        return self.process.pid


#: Waits until a started server is ready; called with the number of the instance and the deadline.
_Await = Callable[[int, float], Instance]


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Options of all servers that are started from a source tree.

    Attributes:
        users: Number of accounts for virtual users.
        password_cost: argon2 profile.
        loop: Event loop, `uvloop` or `asyncio`.
        port: Port of the first instance; 0 for any free ports.
        profile_bytes: Length of the virtual users' profiles in bytes; None for minimal ones.
        lifetime_s: Lifetime of credentials in seconds; None for each scheme's default.
        processes_each: Processes per port.
        host: Address of this machine to listen on.
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
    """Starter of server instances; `close` terminates them all.

    Args:
        arms: Arms to start servers for.
        options: Options of the servers from source trees.
        folder: Folder for accounts and logs.
        prefix: Prefix of all keys in the store; the arm's name follows it.
        placement: CPUs by role.
    """

    def __init__(
        self, arms: Sequence[Arm], options: ServerOptions, folder: Path, prefix: str, placement: Placement
    ) -> None:
        self._arms = arms
        self._options = options
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
        """Create accounts for all arms of each source tree, and the key pairs of arms, by their own code.

        Args:
            store_url: URL of the store for the servers.
            hidden: Secrets to remove from quoted server output.

        Raises:
            EnvironmentFailedError: Accounts or keys could not be created.
        """
        self._store_url = store_url
        self._hidden += hidden
        options = self._options
        arguments = ["--load-users", str(options.users), "--password-cost", options.password_cost]
        if options.profile_bytes is not None:
            arguments += ["--profile-bytes", str(options.profile_bytes)]
        for tree in dict.fromkeys(arm.tree for arm in self._arms if arm.own is None or arm.own.command):
            file = self._folder / f"accounts-{len(self._accounts)}.sqlite"
            processes.run_module(f"{tree.servers}.accounts", ["--file", str(file), *arguments], tree)
            self._accounts[tree] = file
        for arm in self._arms:
            if pair := arm.scheme.key_pair:
                key = processes.run_module(f"{arm.tree.servers}.signing_keys", [pair], arm.tree)
                self._keys[arm.name] = {"AUTH_PRIVATE_KEY": key}

    def start(self, count: int, agents: Agents) -> list[Instance]:
        """Start instances of each arm, and add those that run already.

        Args:
            count: Instances per arm; an arm that has addresses has one instance per address.
            agents: Agents that read servers on other machines.

        Raises:
            EnvironmentFailedError: A server did not start.
            InvalidMeasurementError: A server runs other code than intended.
        """
        servers = {arm.name: arm.own for arm in self._arms if arm.own is not None}
        pythons = {name: external.interpreter(server, name) for name, server in servers.items()}
        origins = {name: external.describe(server) for name, server in servers.items()}
        ports = iter(free_ports(count * len(servers)))
        waiting: list[_Await] = []
        for index in range(count):
            for arm in self._arms:
                log = self._folder / f"{arm.name}-{index}.log"
                port = self._options.port + len(waiting) if self._options.port else 0
                if arm.own is None:
                    variant = arm.variants[index % len(arm.variants)]
                    waiting.append(self._launch(arm, variant, port, log, self.secrets_of(arm)))
                elif arm.own.command is not None:
                    python, origin = pythons[arm.name], origins[arm.name]
                    port = port or next(ports)
                    waiting.append(self._launch_external(arm, arm.own, port, log, python, origin))
        deadline = time.monotonic() + _START_TIMEOUT_S
        instances = [await_instance(number, deadline) for number, await_instance in enumerate(waiting)]
        for name, server in servers.items():
            for address in server.address or ():  # of a server that runs already
                host, port = host_and_port(address)
                target = Target(len(instances), name, host, port, server.read_path, server.dialect)
                meter = agents.meter(server.agent, port) if server.agent else None
                instances.append(Instance(target, origins[name], meter))
        return instances

    def start_one(self, arm: Arm, number: int, environment: Mapping[str, str]) -> Instance:
        """Start one more instance of an arm that has a source tree, with its own secrets.

        Args:
            arm: Arm of the instance.
            number: Number of the instance.
            environment: Environment variables in place of `secrets_of`.

        Raises:
            EnvironmentFailedError: It did not start.
            InvalidMeasurementError: It runs other code than intended.
        """
        log = self._folder / f"{arm.name}-beside.log"
        await_instance = self._launch(arm, arm.variants[0], 0, log, environment)
        return await_instance(number, time.monotonic() + _START_TIMEOUT_S)

    def close(self) -> None:
        """Terminate all servers that were started."""
        processes.terminate(self._started)
        self._groups.close()

    def accounts_of(self, arm: Arm) -> Path:
        """Return the file with the accounts of an arm's servers."""
        return self._accounts[arm.tree]

    def secrets_of(self, arm: Arm) -> dict[str, str]:
        """Return the environment variables with secrets and keys of an arm's servers.

        An empty value in the arm's environment removes a variable: servers refuse one that is set but empty.
        """
        variables = {"AUTH_SECRET": self._secret} | self._keys.get(arm.name, {}) | dict(arm.environment)
        return {name: value for name, value in variables.items() if value}

    def prefix_of(self, arm: str) -> str:
        """Return the prefix of an arm's keys in the store."""
        return f"{self._prefix}{arm}:"

    def last_output(self, log: Path) -> str:
        """Return the last lines that a server printed, without the secrets that it has."""
        text = processes.log_end(log)
        for secret in self._hidden:
            text = text.replace(secret, "…")
        return text

    def _launch(
        self, arm: Arm, variant: Sequence[str], port: int, log: Path, variables: Mapping[str, str]
    ) -> _Await:
        """Start a server process; its environment has `variables` and the URL of the store."""
        options = self._options
        long = options.profile_bytes is not None
        arguments = [
            *variant,
            arm.scheme.name,
            *("--port", str(port)),
            *(["--host", options.host] if options.host != LOOPBACK else []),
            *("--loop", options.loop),
            *("--password-cost", options.password_cost),
            *("--accounts", str(self.accounts_of(arm))),
            *("--key-prefix", self.prefix_of(arm.name)),
            *("--keepalive", str(_KEEPALIVE_S)),
            *(["--max-credential-bytes", str(_LONG_CREDENTIAL_BYTES)] if long else []),
            *(["--processes", str(options.processes_each)] if options.processes_each > 1 else []),
            "--json",
        ]
        lifetime = {} if options.lifetime_s is None else {"AUTH_LIFETIME_S": str(options.lifetime_s)}
        environment = {"REDIS_URL": self._store_url, **lifetime, **variables}
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

        def await_instance(number: int, deadline: float) -> Instance:
            ready = _await_ready(arm, process, log, deadline)
            target = Target(number, arm.name, ready["host"], ready["port"], arm.scheme.read_path)
            return Instance(target, ready, self._pinned(process.pid), process, log)

        return await_instance

    def _path_bytes(self, arm: Arm) -> int:
        """Draw the length of the path to an instance's code, from the same lengths for every tree."""
        longest = max(len(os.fsencode(other.tree.root)) for other in self._arms)
        shortest = longest + processes.LEAST_DETOUR_BYTES
        return shortest + secrets.randbelow(arm.path_lengths) if arm.path_lengths else 0

    def _launch_external(
        self, arm: Arm, server: ExternalServer, port: int, log: Path, python: str, origin: Mapping[str, Any]
    ) -> _Await:
        """Start an external server; `origin` is that of its code."""
        values = {
            "port": str(port),
            "python": python,
            "accounts": str(self.accounts_of(arm)),
            **external.store_values(self._store_url),
            "key_prefix": self.prefix_of(arm.name),
            "secret": self._secret,
        }
        process = external.start(arm.name, server, self._groups, values, log)

        def await_instance(number: int, deadline: float) -> Instance:
            external.await_ready(arm.name, server, port, process, deadline, partial(self.last_output, log))
            target = Target(number, arm.name, LOOPBACK, port, server.read_path, server.dialect)
            return Instance(target, origin, self._pinned(process.pid), process, log)

        return await_instance

    def _pinned(self, pid: int) -> ProcessMeter:
        """Bind a server's processes to the servers' CPUs, and return their meter."""
        meter = ProcessMeter(pid)
        meter.meet()
        for member in meter.members:
            cpus.pin(member, self._placement.servers)
        return meter


def _await_ready(arm: Arm, process: subprocess.Popen[bytes], log: Path, deadline: float) -> dict[str, Any]:
    """Read the ready line of a server that has just been started.

    Raises:
        EnvironmentFailedError: It did not start, or not in time.
        InvalidMeasurementError: It runs other code than intended.
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
