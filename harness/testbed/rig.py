"""Everything that a measurement needs alive: the store and the server instances; taken down again, always."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from harness.errors import ConformanceError, EnvironmentFailedError, InvalidMeasurementError
from harness.suites.arms import Arm
from harness.system import files, processes, signals, temp_folders
from harness.system.cpus import Placement
from harness.testbed import external
from harness.testbed.agent.client import Agents
from harness.testbed.contract import preflight
from harness.testbed.launcher import Instance, Launcher, ServerOptions
from harness.testbed.store.server import SessionStore


class Rig:
    """A store (`store`) and server instances of every arm, alive between `with` and its end.

    Args:
        arms: What to start.
        serving: How servers of ours serve.
        instances: Processes of each arm.
        placement: CPUs by role.
        redis_url: A store of the user's own; None for one private to this rig.
        relayed: Put a relay before the store, whose delay `SessionStore.delay` sets.
        checked: Refuse servers that answer wrongly what needs no credential.
    """

    def __init__(
        self,
        arms: Iterable[Arm],
        serving: ServerOptions,
        *,
        instances: int = 1,
        placement: Placement | None = None,
        redis_url: str | None = None,
        relayed: bool = False,
        checked: bool = True,
    ) -> None:
        self._arms = list(arms)
        self._serving = serving
        self._count = instances
        self._placement = placement or Placement()
        self._given_url = redis_url
        self._relayed = relayed
        self._checked = checked
        self._beside: list[Instance] = []
        self._agents = Agents(())
        self.prefix = f"cookies-vs-tokens:{secrets.token_hex(4)}:"
        self.instances: list[Instance] = []

    def __enter__(self) -> Self:
        try:
            with signals.deferred():
                self.folder, self._owner = temp_folders.make_folder()
        except OSError as error:
            raise files.failure(error, Path(tempfile.gettempdir(), temp_folders.PREFIX)) from error
        self.store = SessionStore(self.folder, self._placement, self._given_url, relayed=self._relayed)
        self._starter = Launcher(self._arms, self._serving, self.folder, self.prefix, self._placement)
        try:
            self._agents = Agents(arm.own.agent for arm in self._arms if arm.own and arm.own.agent)
            self.store.start()
            given = (self._given_url, urlsplit(self._given_url or "").password)
            self._starter.prepare(self.store.servers_url, [text for text in given if text])
            self.instances += self._starter.start(self._count, self._agents)
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
        full = isinstance(error, Exception) and (files.is_no_room(error) or files.is_full(self.folder))
        try:
            if not full:
                self.store.check_behind(error)
                if isinstance(error, InvalidMeasurementError | ConformanceError):
                    self.check_alive()  # who measures or asks may notice a death first, as a wrong answer
        finally:
            self.close()
        if full:  # then whatever else went wrong is a consequence
            raise EnvironmentFailedError(
                f"the disk of {self.folder.parent}, for temporary files, is full: make room, or name another"
                f" folder with TMPDIR. What failed: {error}"
            ) from error

    def close(self) -> None:
        """End every process; remove temporary files, and this rig's keys from a store of the user's own."""
        with signals.deferred():
            self._starter.close()
            self._agents.close()
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
                said = "" if instance.log is None else f": {self._starter.said(instance.log)}"
                raise EnvironmentFailedError(
                    f"server {instance.target.arm} #{instance.target.instance} died with exit code"
                    f" {process.returncode}{said}"
                )
        self.store.check_alive()

    def check_reachable(self) -> None:
        """Raise OutOfReachError if a server that runs elsewhere takes no connections any more."""
        for instance in self.instances:
            if instance.process is None:
                external.check_reachable(instance.target)

    @property
    def elsewhere(self) -> list[str]:
        """The arms whose servers run already, wherever that is."""
        return [arm.name for arm in self._arms if arm.own is not None and arm.own.address is not None]

    @property
    def agents(self) -> dict[str, dict[str, Any]]:
        """What each agent says of its machine, by its address."""
        return self._agents.machines()

    def accounts_of(self, arm: Arm) -> Path:
        """The file with the accounts of an arm's servers."""
        return self._starter.accounts_of(arm)

    def secrets_of(self, arm: Arm) -> dict[str, str]:
        """What the environment of an arm's servers holds of secrets and keys."""
        return self._starter.secrets_of(arm)

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
        try:
            for number, arm in enumerate(arm for arm in self._arms if arm.name in secrets_by_arm):
                instance = self._starter.start_one(arm, number, secrets_by_arm[arm.name])
                self._beside.append(instance)
                preflight.check(instance.target)
            yield {instance.target.arm: instance for instance in self._beside}
        finally:
            ended, self._beside = self._beside, []
            processes.terminate(one.process for one in ended if one.process is not None)

    def _check(self) -> None:
        """Refuse servers that answer wrongly."""
        for arm in self._arms:
            targets = [one.target for one in self.instances if one.target.arm == arm.name]
            for target in targets:
                preflight.check(target, arm.asked)
            if arm.own is not None and arm.scheme.transport != "none":
                preflight.check_shared(targets)
