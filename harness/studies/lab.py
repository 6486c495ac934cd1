"""Live servers of any scheme for demonstrations, started on first use, all on one store."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Final, Self, cast

from rich.console import Console

from harness.errors import InvalidMeasurementError, SuiteError
from harness.measure import preflight
from harness.measure.options import Options
from harness.measure.run import Run
from harness.report.content import validity
from harness.results import archive
from harness.results.base import Model
from harness.results.model import Result
from harness.suites import catalog
from harness.suites.arms import Arm, SchemeEntry, arms_of_schemes
from harness.suites.forecast import forecast
from harness.system import cpus, files, interpreter
from harness.testbed.client import ADMIN, ApiClient, logged_in
from harness.testbed.launcher import ServerOptions
from harness.testbed.rig import Rig
from harness.testbed.store.server import SessionStore, StoreOptions

#: Accounts that experiments can use up.
_ACCOUNTS: Final = 300
#: Store commands of the lab and of connections, which are not counted.
_NOT_COUNTED: Final = ("info", "client", "hello", "auth", "select", "ping")


class Lab(contextlib.ExitStack):
    """Context manager of servers, which run until its end.

    Args:
        folder: Folder for the results of measured suites.
        console: Console for progress messages.

    Attributes:
        schemes: All schemes, by name.
        secret: Default signing secret of the servers.
    """

    def __init__(self, folder: Path, console: Console) -> None:
        super().__init__()
        self._folder = folder
        self._console = console
        self.schemes: dict[str, SchemeEntry] = {}
        self.secret = f"{secrets.token_urlsafe(48)}."  # the dot is not base64, so the text is used as it is
        self._rigs: dict[tuple[object, ...], Rig] = {}
        self._store: SessionStore | None = None
        self._accounts = map("load-{}".format, count())

    def __enter__(self) -> Self:
        self.schemes = catalog.schemes()
        return self

    def authenticating(self) -> list[SchemeEntry]:
        """Return the schemes that issue credentials, by name."""
        return [scheme for _, scheme in sorted(self.schemes.items()) if scheme.transport != "none"]

    def caller(self, scheme: str, **environment: str) -> ApiClient:
        """Return a client of a server of a scheme, without a credential.

        Args:
            scheme: Name of the scheme.
            environment: Additional environment variables of the server.
        """
        target = self._rig(scheme, environment).instances[0].target
        return ApiClient(target.host, target.port)

    def port(self, scheme: str, arguments: Sequence[str], name: str) -> int:
        """Return the port on 127.0.0.1 of a server of a scheme.

        Args:
            scheme: Name of the scheme.
            arguments: Additional command-line arguments of the server.
            name: Name that distinguishes several servers with the same arguments.
        """
        return self._rig(scheme, {}, arguments, name).instances[0].target.port

    def logged_in(self, scheme: str, username: str | None = None, **environment: str) -> ApiClient:
        """Return a logged-in client, with a new account unless a user name is given.

        Raises:
            ConformanceError: The server refused the login.
        """
        target = self._rig(scheme, environment).instances[0].target
        return logged_in(target, username or self.account())

    def admin(self, scheme: str) -> ApiClient:
        """Return a logged-in client that may change accounts."""
        return self.logged_in(scheme, ADMIN)

    def account(self) -> str:
        """Return the name of an unused account."""
        return next(self._accounts)

    def store_url(self) -> str:
        """Return the URL of the servers' store, which is on this machine."""
        self._rig("anonymous", {})
        return cast(SessionStore, self._store).url

    def store_commands(self) -> int:
        """Return the number of commands that the store has run, without those of the lab itself."""
        store = cast(SessionStore, self._store).client
        stats = store.info("commandstats")
        return sum(
            int(row["calls"])
            for name, row in stats.items()
            if name.removeprefix("cmdstat_").partition("|")[0] not in _NOT_COUNTED
        )

    def measured(self, suite_name: str) -> Result:
        """Return the result of a suite, run once per folder and kept there; all other servers are stopped.

        Raises:
            InvalidMeasurementError: The measurement is invalid; the next call measures again.
            BenchError: The run failed, by kind.
        """
        folder = self._folder / suite_name
        if (result := kept(folder, self.digest())) is not None:
            return result
        self.close()
        suite = catalog.load_suite(suite_name)
        known = preflight.SuiteValidator(suite_name, catalog.scenarios())
        known.check(suite, self.schemes)
        will = forecast(suite)
        files.temporary_folder(will.temporary_bytes)
        archive.prepare(folder, will.disk_bytes)
        run = Run(suite, Options(out=folder), known.needs_credential)
        result = run.run(arms_of_schemes(self.schemes.values()), self._console, published=False)
        archive.save(result, folder)
        if not result.valid:
            raise InvalidMeasurementError(
                f"the run of suite {suite_name} is invalid: {validity.invalid_reason(result)}"
            )
        return result

    def close(self) -> None:
        """Stop all servers; the next experiment starts those that it needs."""
        super().close()
        self._rigs.clear()
        self._store = None

    def digest(self) -> str:
        """Return the digest of the servers' code, as reported by a server."""
        rig = next(iter(self._rigs.values()), None) or self._rig("anonymous", {})
        return str(rig.instances[0].ready["digest"])

    def _rig(
        self, scheme: str, environment: dict[str, str], arguments: Sequence[str] = (), name: str = ""
    ) -> Rig:
        key = (scheme, tuple(sorted(environment.items())), tuple(arguments), name)
        if key not in self._rigs:
            variables = {"AUTH_SECRET": self.secret} | environment
            arm = Arm(scheme, self.schemes[scheme], variants=(tuple(arguments),), environment=variables)
            url = None if self._store is None else self._store.url
            rig = Rig([arm], ServerOptions(users=_ACCOUNTS), store=StoreOptions(url))
            self._rigs[key] = self.enter_context(rig)
            self._store = self._store or rig.store
        return self._rigs[key]


def kept(folder: Path, digest: str) -> Result | None:
    """Return the result in a folder if it is of servers with this digest; None if there is no valid one.

    The folder of a stopped or invalid run is renamed, so that the cause can still be examined.

    Raises:
        SuiteError: The result is of other servers.
    """
    if not (folder / archive.RESULT_FILE).exists():
        return None
    result = archive.load(folder)
    if not result.believable:
        paths = (folder.with_name(f"{folder.name}-set-aside-{number}") for number in count(1))
        folder.rename(next(path for path in paths if not path.exists()))
        return None
    if result.environment.servers.get("digest") != digest:
        raise SuiteError(f"{folder} was measured with other servers: remove it, or name another --out.")
    return result


class LabSetting(Model):
    """Machine and servers of a list of answers; answers with another setting are not added to it."""

    #: Digest of the servers' code.
    servers: str
    cpu: str
    cores: int
    python: str

    @classmethod
    def of(cls, servers: str) -> Self:
        """Return the setting of this machine, with servers of that digest."""
        cpu, cores, python = cpus.cpu_model(), cpus.cores(), interpreter.python()
        return cls(servers=servers, cpu=cpu, cores=cores, python=python)
