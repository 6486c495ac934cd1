"""Starts the store and the server instances, checks that they answer, and takes all down again, always."""

from __future__ import annotations

import json
import secrets
import selectors
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from harness import conformance, disk, interrupts, leftovers, own_servers, processes
from harness.agent.client import Agents
from harness.arms import Arm
from harness.errors import EnvironmentFailedError, InvalidMeasurementError
from harness.groups import Groups
from harness.meters import Meter, ProcessMeter
from harness.own import OwnServer, host_and_port
from harness.placement import Placement
from harness.schedule import Target
from harness.session_store import SessionStore
from harness.trees.tree import Tree

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


class Rig:
    """A store (`store`) and `instances` server processes of every arm, alive between `with` and its end.

    Args:
        arms: What to start.
        instances: Processes of each.
        users: Accounts to seed for virtual users.
        password_cost: argon2 profile.
        loop: `uvloop` or `asyncio`.
        placement: CPUs by role.
        redis_url: A store of the user's own; None for one private to this rig.
        port: Port of the first instance; 0 for any free ones.
        profile_bytes: Length of the virtual users' profiles; None where they are as short as they come.
        lifetime_s: Seconds that credentials live; None where they live as long as each scheme has it.
        relayed: Put a relay before the store, whose delay `SessionStore.delay` sets.
        checked: Refuse servers that answer wrongly what needs no credential.
        processes_each: How many serve behind each port.
        host: Address of this machine at which our own servers listen.
    """

    def __init__(
        self,
        arms: Iterable[Arm],
        *,
        instances: int,
        users: int,
        password_cost: str,
        loop: str,
        placement: Placement,
        redis_url: str | None = None,
        port: int = 0,
        profile_bytes: int | None = None,
        lifetime_s: int | None = None,
        relayed: bool = False,
        checked: bool = True,
        processes_each: int = 1,
        host: str = LOOPBACK,
    ) -> None:
        self._arms = list(arms)
        self._count = instances
        self._users = users
        self._password_cost = password_cost
        self._loop = loop
        self._placement = placement
        self._given_url = redis_url
        self._port = port
        self._profile_bytes = profile_bytes
        self._lifetime_s = lifetime_s
        self._relayed = relayed
        self._checked = checked
        self._processes_each = processes_each
        self._host = host
        self._started: list[subprocess.Popen[bytes]] = []
        self._groups = Groups()
        self._beside: list[Instance] = []
        self._agents: Agents | None = None
        self.prefix = f"cookies-vs-tokens:{secrets.token_hex(4)}:"
        self.instances: list[Instance] = []

    def __enter__(self) -> Self:
        try:
            with interrupts.held():
                self.folder, self._owner = leftovers.make_folder()
        except OSError as error:
            raise disk.failure(error, Path(tempfile.gettempdir(), leftovers.PREFIX)) from error
        try:
            self.store = SessionStore(self.folder, self._placement, self._given_url, relayed=self._relayed)
            self._agents = Agents(arm.own.agent for arm in self._arms if arm.own and arm.own.agent)
            self.store.start()
            self._seed_accounts()
            self._start_servers()
            if self._checked:
                self._check()
        except BaseException as error:
            self._end(error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        full = isinstance(error, Exception) and (disk.is_no_room(error) or disk.is_full(self.folder))
        try:
            if not full and hasattr(self, "store"):
                self.store.check_behind(error)
        finally:
            self.close()
        if full:  # then whatever else went wrong is a consequence
            raise EnvironmentFailedError(
                f"the disk of {self.folder.parent}, for temporary files, is full: make room, or name another"
                f" folder with TMPDIR. What failed: {error}"
            ) from error

    def close(self) -> None:
        """End every process; remove temporary files, and this rig's keys from a store of the user's own."""
        with interrupts.held():
            processes.end(self._started)
            self._groups.close()
            if self._agents is not None:
                self._agents.close()
            if hasattr(self, "store"):
                self.store.close(self.prefix)
            shutil.rmtree(self.folder, ignore_errors=True)
            if self._owner is not None:
                self._owner.release()

    @property
    def arms(self) -> list[Arm]:
        """What was started."""
        return self._arms

    @property
    def authenticating(self) -> list[Instance]:
        """The instances of arms that issue credentials."""
        some = {arm.name for arm in self._arms if arm.scheme.transport != "none"}
        return [instance for instance in self.instances if instance.target.arm in some]

    @property
    def placement(self) -> Placement:
        """CPUs by role."""
        return self._placement

    def arm_prefix(self, arm: str) -> str:
        """What every key of an arm begins with."""
        return f"{self.prefix}{arm}:"

    def check_alive(self) -> None:
        """Raise EnvironmentFailedError if a server or the store has died, and was not meant to."""
        for instance in [*self.instances, *self._beside]:
            process = instance.process
            if process is not None and process.poll() is not None:
                said = "" if instance.log is None else f": {self._said(instance.log)}"
                raise EnvironmentFailedError(
                    f"server {instance.target.arm} #{instance.target.instance} died with exit code"
                    f" {process.returncode}{said}"
                )
        self.store.check_alive()

    def _said(self, log: Path) -> str:
        """The last that a server printed, without the secrets that it was given."""
        text = processes.log_end(log)
        for secret in (self._secret, self._given_url, urlsplit(self._given_url or "").password):
            text = text.replace(secret, "…") if secret else text
        return text

    def check_reachable(self) -> None:
        """Raise OutOfReachError if a server that runs elsewhere takes no connections any more."""
        for instance in self.instances:
            if instance.process is None:
                own_servers.knock(instance.target)

    @property
    def elsewhere(self) -> list[str]:
        """The arms whose servers run already, wherever that is."""
        return [arm.name for arm in self._arms if arm.own is not None and arm.own.address is not None]

    @property
    def agents(self) -> dict[str, dict[str, Any]]:
        """What each agent says of its machine, by its address."""
        return {} if self._agents is None else self._agents.machines()

    def secrets_of(self, arm: Arm) -> dict[str, str]:
        """What the environment of an arm's servers holds of secrets and keys."""
        return {"AUTH_SECRET": self._secret} | self._keys.get(arm.name, {}) | dict(arm.environment)

    @contextmanager
    def beside(self, secrets_by_arm: Mapping[str, Mapping[str, str]]) -> Iterator[dict[str, Instance]]:
        """One more instance of each of these arms, alive within the context, with secrets of its own.

        Args:
            secrets_by_arm: By arm, what its environment holds in place of `secrets_of`.

        Raises:
            EnvironmentFailedError: One would not start.
            InvalidMeasurementError: One runs other code than was meant.
            ConformanceError: One does not answer as the contract says.
        """
        started: list[subprocess.Popen[bytes]] = []
        try:
            for number, arm in enumerate(arm for arm in self._arms if arm.name in secrets_by_arm):
                log = self.folder / f"{arm.name}-beside.log"
                process = self._launch_server(arm, arm.variants[0], 0, log, secrets_by_arm[arm.name])
                started.append(process)
                deadline = time.monotonic() + _START_TIMEOUT_S
                instance = self._await_instance(number, deadline, arm=arm, process=process, log=log)
                conformance.check(instance.target)
                self._beside.append(instance)
            yield {instance.target.arm: instance for instance in self._beside}
        finally:
            self._beside = []
            processes.end(started)

    def _check(self) -> None:
        """Refuse servers that answer wrongly."""
        for arm in self._arms:
            targets = [one.target for one in self.instances if one.target.arm == arm.name]
            for target in targets:
                conformance.check(target, arm.asked)
            if arm.own is not None and arm.scheme.transport != "none":
                conformance.check_shared(targets)

    def _seed_accounts(self) -> None:
        """One file a tree, made by its own code, for all arms that come from it."""
        self._accounts: dict[Tree, Path] = {}
        cost = ["--password-cost", self._password_cost]
        users = ["--load-users", str(self._users)]
        if self._profile_bytes is not None:
            users += ["--profile-bytes", str(self._profile_bytes)]
        for tree in dict.fromkeys(arm.tree for arm in self._arms if arm.own is None or arm.own.command):
            file = self.folder / f"accounts-{len(self._accounts)}.sqlite"
            processes.ask(f"{tree.servers}.accounts", ["--file", str(file), *users, *cost], tree)
            self._accounts[tree] = file

    def _make_keys(self) -> dict[str, dict[str, str]]:
        """What the environment of an arm's servers holds besides: one key pair for all of them."""
        return {
            arm.name: {
                "AUTH_PRIVATE_KEY": processes.ask(
                    f"{arm.tree.servers}.signing_keys", [arm.scheme.key_pair], arm.tree
                )
            }
            for arm in self._arms
            if arm.scheme.key_pair
        }

    def _start_servers(self) -> None:
        self._secret = secrets.token_urlsafe(48)
        self._keys = self._make_keys()
        own = {arm.name: arm.own for arm in self._arms if arm.own is not None}
        pythons = {name: own_servers.interpreter(server, name) for name, server in own.items()}
        self._told = {name: own_servers.told(server) for name, server in own.items()}
        ports = iter(own_servers.free_ports(self._count * len(own)))
        waiting: list[Callable[[int, float], Instance]] = []
        for index in range(self._count):
            for arm in self._arms:
                log = self.folder / f"{arm.name}-{index}.log"
                port = self._port + len(waiting) if self._port else 0
                if arm.own is None:
                    variant = arm.variants[index % len(arm.variants)]
                    process = self._launch_server(arm, variant, port, log, self.secrets_of(arm))
                    waiting.append(partial(self._await_instance, arm=arm, process=process, log=log))
                elif arm.own.command is not None:
                    port = port or next(ports)
                    process = self._launch_own(arm, arm.own, port, pythons[arm.name], log)
                    waiting.append(
                        partial(self._await_own, arm=arm, own=arm.own, port=port, process=process, log=log)
                    )
        deadline = time.monotonic() + _START_TIMEOUT_S
        self.instances += [await_it(number, deadline) for number, await_it in enumerate(waiting)]
        for arm in self._arms:
            if arm.own is not None:
                self.instances += self._already_running(len(self.instances), arm, arm.own)

    def _launch_server(
        self, arm: Arm, variant: Sequence[str], port: int, log: Path, own: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """Start a server process of an arm; its environment holds `own`, and where the store is."""
        arguments = [
            *variant,
            arm.scheme.name,
            *("--port", str(port)),
            *(["--host", self._host] if self._host != LOOPBACK else []),
            *("--loop", self._loop),
            *("--password-cost", self._password_cost),
            *("--accounts", str(self._accounts[arm.tree])),
            *("--key-prefix", self.arm_prefix(arm.name)),
            *("--keepalive", str(_KEEPALIVE_S)),
            *self._longer_credentials(),
            *(["--processes", str(self._processes_each)] if self._processes_each > 1 else []),
            "--json",
        ]
        lifetime = {} if self._lifetime_s is None else {"AUTH_LIFETIME_S": str(self._lifetime_s)}
        environment = {"REDIS_URL": self.store.servers_url, **lifetime, **own}
        with interrupts.held():
            process = processes.start(arm.module, arguments, log=log, environment=environment, tree=arm.tree)
            self._started.append(process)
        return process

    def _await_instance(
        self, number: int, deadline: float, *, arm: Arm, process: subprocess.Popen[bytes], log: Path
    ) -> Instance:
        ready = _await_ready(arm, process, log, deadline)
        target = Target(number, arm.name, ready["host"], ready["port"], arm.scheme.read_path)
        return Instance(target, ready, self._pinned(process.pid), process, log)

    def _pinned(self, pid: int) -> ProcessMeter:
        """A meter of a server's processes, which are put on the servers' CPUs."""
        meter = ProcessMeter(pid)
        meter.meet()
        for one in meter.members:
            processes.pin(one, self._placement.servers)
        return meter

    def _launch_own(
        self, arm: Arm, own: OwnServer, port: int, python: str, log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a server of somebody else's."""
        values = {
            "accounts": str(self._accounts[arm.tree]),
            "redis_url": self.store.servers_url,
            "key_prefix": self.arm_prefix(arm.name),
            "secret": self._secret,
        }
        return own_servers.start(
            arm.name, own, self._groups, port=port, python=python, values=values, log=log
        )

    def _await_own(
        self,
        number: int,
        deadline: float,
        *,
        arm: Arm,
        own: OwnServer,
        port: int,
        process: subprocess.Popen[bytes],
        log: Path,
    ) -> Instance:
        own_servers.await_ready(arm.name, own, port, process, deadline, partial(self._said, log))
        target = Target(number, arm.name, LOOPBACK, port, own.read_path, own.dialect)
        return Instance(target, self._told[arm.name], self._pinned(process.pid), process, log)

    def _already_running(self, begin: int, arm: Arm, own: OwnServer) -> Iterator[Instance]:
        """The instances of an arm that is named by its addresses."""
        for number, address in enumerate(own.address or (), begin):
            host, port = host_and_port(address)
            target = Target(number, arm.name, host, port, own.read_path, own.dialect)
            meter = self._agents.meter(own.agent, port) if self._agents and own.agent else None
            yield Instance(target, self._told[arm.name], meter)

    def _longer_credentials(self) -> list[str]:
        """What servers are told whose users have long profiles."""
        if self._profile_bytes is None:
            return []
        return ["--max-credential-bytes", str(_LONG_CREDENTIAL_BYTES)]


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
