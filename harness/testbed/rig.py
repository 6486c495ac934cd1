"""The store and the server instances of a measurement; always shut down at its end."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Self

from harness.errors import ConformanceError, EnvironmentFailedError, InvalidMeasurementError, OutOfReachError
from harness.suites.arms import Arm
from harness.system import files, processes, signals
from harness.system.cpus import Placement
from harness.system.temp_folders import temp_folder
from harness.testbed.agent.client import Agents
from harness.testbed.contract import preflight
from harness.testbed.launcher import Instance, Launcher, ServerOptions
from harness.testbed.store.server import SessionStore, StoreOptions
from servers.contract import authority


class Rig:
    """Context manager of a store (`store`) and server instances of every arm.

    While it is entered, `agents` reads servers on other machines, and `launcher` has the servers' secrets.

    Args:
        arms: Arms to start servers for.
        options: Options of servers from source trees.
        instances: Instances per arm.
        placement: CPUs by role.
        store: Choice of the store; default: a private one.
        checked: Whether servers that fail the contract's preflight check are refused.
    """

    def __init__(
        self,
        arms: Iterable[Arm],
        options: ServerOptions,
        *,
        instances: int = 1,
        placement: Placement | None = None,
        store: StoreOptions | None = None,
        checked: bool = True,
    ) -> None:
        self.arms = list(arms)
        self._options = options
        self._count = instances
        self.placement = placement or Placement()
        self._store_options = store or StoreOptions()
        self._checked = checked
        self._beside: list[Instance] = []
        self._temporary = ExitStack()
        self.agents = Agents(())
        self.prefix = f"cookies-vs-tokens:{secrets.token_hex(4)}:"
        self.instances: list[Instance] = []

    def __enter__(self) -> Self:
        self.folder = self._temporary.enter_context(temp_folder())
        self.store = SessionStore(self.folder, self.placement, self._store_options)
        self.launcher = Launcher(self.arms, self._options, self.folder, self.prefix, self.placement)
        try:
            self.agents = Agents(arm.own.agent for arm in self.arms if arm.own and arm.own.agent)
            self.store.start()
            self.launcher.prepare(self.store.servers_url, self.store.secrets)
            self.instances += self.launcher.start(self._count, self.agents)
            if self._checked:
                self._check()
        except BaseException as error:
            self.__exit__(None, error, None)
            raise
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        full = isinstance(error, Exception) and (files.is_no_room(error) or files.is_full(self.folder))
        try:
            if not full:
                self.store.check_behind(error)
                if isinstance(error, InvalidMeasurementError | ConformanceError):
                    self.check_alive()  # a dead server may show first as a wrong response
        finally:
            self.close()
        if full:  # all other failures are a consequence
            raise EnvironmentFailedError(
                f"the disk of {self.folder.parent}, for temporary files, is full: make room, or name another"
                f" folder with TMPDIR. What failed: {error}"
            ) from error

    def close(self) -> None:
        """Terminate every process; remove temporary files, and this rig's keys from the user's store."""
        with signals.deferred():
            self.launcher.close()
            self.agents.close()
            self.store.close(self.prefix)
            self._temporary.close()

    @property
    def authenticating(self) -> list[Instance]:
        """Return the instances of arms that issue credentials."""
        names = {arm.name for arm in self.arms if arm.scheme.transport != "none"}
        return [instance for instance in self.instances if instance.target.arm in names]

    def check_alive(self) -> None:
        """Raise EnvironmentFailedError if a server or the store died unexpectedly."""
        for instance in [*self.instances, *self._beside]:
            process = instance.process
            if process is not None and process.poll() is not None:
                output = "" if instance.log is None else f": {self.launcher.last_output(instance.log)}"
                raise EnvironmentFailedError(
                    f"server {instance.target.arm} #{instance.target.instance} died with exit code"
                    f" {process.returncode}{output}"
                )
        self.store.check_alive()

    def check_reachable(self) -> None:
        """Raise OutOfReachError if a server that was not started by this rig accepts no connections."""
        for target in (instance.target for instance in self.instances if instance.process is None):
            try:
                socket.create_connection((target.host, target.port), timeout=5).close()
            except OSError as error:
                raise OutOfReachError(
                    f"server {target.arm} at {authority(target.host, target.port)} no longer accepts"
                    f" connections: {error.strerror or error}. Is it, its machine or the network down?"
                ) from error

    @property
    def elsewhere(self) -> list[str]:
        """Return the arms with addresses: their servers run already."""
        return [arm.name for arm in self.arms if arm.own is not None and arm.own.address is not None]

    @contextmanager
    def beside(self, secrets_by_arm: Mapping[str, Mapping[str, str]]) -> Iterator[dict[str, Instance]]:
        """Run one more instance of each of these arms within the context, with its own secrets.

        Args:
            secrets_by_arm: By arm, the environment variables in place of `launcher.secrets_of`.

        Raises:
            EnvironmentFailedError: An instance did not start.
            InvalidMeasurementError: An instance runs other code than intended.
            ConformanceError: An instance violates the contract.
        """
        try:
            for number, arm in enumerate(arm for arm in self.arms if arm.name in secrets_by_arm):
                instance = self.launcher.start_one(arm, number, secrets_by_arm[arm.name])
                self._beside.append(instance)
                preflight.check(instance.target)
            yield {instance.target.arm: instance for instance in self._beside}
        finally:
            ended, self._beside = self._beside, []
            processes.terminate(instance.process for instance in ended if instance.process is not None)

    def _check(self) -> None:
        """Refuse servers that violate the contract."""
        for arm in self.arms:
            targets = [instance.target for instance in self.instances if instance.target.arm == arm.name]
            for target in targets:
                preflight.check(target, arm.asked)
            if arm.own is not None and arm.scheme.transport != "none":
                preflight.check_shared(targets)
