"""Live servers for demonstrations: of any scheme, started when first asked for, all on one store."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final, Self, cast

from pydantic import BaseModel, ConfigDict
from rich.console import Console

from harness.errors import ConformanceError, InvalidMeasurementError, SuiteError
from harness.measure import preflight
from harness.measure.options import Options
from harness.measure.progress import Reporter
from harness.measure.run import Run
from harness.report.content import validity
from harness.results import archive
from harness.results.model import Result
from harness.suites import catalog
from harness.suites.arms import Arm, SchemeEntry, arms_of_schemes
from harness.suites.forecast import forecast
from harness.system import cpus, files, interpreter
from harness.testbed.client import ADMIN, ApiClient
from harness.testbed.launcher import ServerOptions
from harness.testbed.rig import Rig
from harness.testbed.store.server import SessionStore

#: Accounts that experiments may use up.
_ACCOUNTS: Final = 300

_OF_OUR_OWN: Final = ("info", "client", "hello", "auth", "select", "ping")


class Lab:
    """Servers, alive between `with` and its end.

    Args:
        folder: Where what is measured is kept.
        console: Where progress is shown.

    Attributes:
        schemes: Those there are, by name.
        secret: What every server signs by that is not told otherwise.
    """

    def __init__(self, folder: Path, console: Console) -> None:
        self._folder = folder
        self._console = console
        self.schemes: dict[str, SchemeEntry] = {}
        self.secret = (
            f"{secrets.token_urlsafe(48)}."  # with a character that no base64 has: taken as it stands
        )
        self._stack = contextlib.ExitStack()
        self._rigs: dict[tuple[str, tuple[tuple[str, str], ...], tuple[str, ...], str], Rig] = {}
        self._store: SessionStore | None = None
        self._accounts = map("load-{}".format, count())

    def __enter__(self) -> Self:
        self.schemes = catalog.schemes()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def authenticating(self) -> list[SchemeEntry]:
        """The schemes that issue credentials, by name."""
        return [scheme for _, scheme in sorted(self.schemes.items()) if scheme.transport != "none"]

    def caller(self, scheme: str, **environment: str) -> ApiClient:
        """Somebody who calls a server of a scheme and carries nothing yet.

        Args:
            scheme: Its name.
            environment: What the server is told besides, by its environment.
        """
        target = self._rig(scheme, environment).instances[0].target
        return ApiClient(target.host, target.port)

    def port(self, scheme: str, arguments: Sequence[str], name: str) -> int:
        """Where a server of a scheme listens, on 127.0.0.1.

        Args:
            scheme: Its name.
            arguments: What the server is told besides, by its command line.
            name: Which of them, where there are several of one kind.
        """
        return self._rig(scheme, {}, arguments, name).instances[0].target.port

    def logged_in(self, scheme: str, username: str | None = None, **environment: str) -> ApiClient:
        """Somebody who is logged in, on an account of their own where none is named.

        Raises:
            ConformanceError: The server would not.
        """
        caller = self.caller(scheme, **environment)
        reply = caller.log_in(username or self.account())
        if reply.status != 200:
            raise ConformanceError(f"server {scheme}: a login was answered {reply.status}.")
        return caller

    def admin(self, scheme: str) -> ApiClient:
        """Somebody who may change accounts."""
        return self.logged_in(scheme, ADMIN)

    def account(self) -> str:
        """The name of an account that nobody has used yet."""
        return next(self._accounts)

    def store_url(self) -> str:
        """Where the servers' store is, on this machine."""
        self._rig("anonymous", {})
        return cast(SessionStore, self._store).url

    def store_commands(self) -> int:
        """How many commands the store has carried out, ours left out."""
        store = cast(SessionStore, self._store).client
        stats = store.info("commandstats")
        return sum(
            int(row["calls"])
            for name, row in stats.items()
            if name.removeprefix("cmdstat_").partition("|")[0] not in _OF_OUR_OWN
        )

    def measured(self, suite_name: str) -> Result:
        """What a run of a suite found, with no other server up: made once for a folder, and kept there.

        Raises:
            InvalidMeasurementError: What was measured must not be believed; the next call measures again.
            BenchError: By kind.
        """
        folder = self._folder / suite_name
        if (result := kept(folder, self.digest())) is not None:
            return result
        self._end()
        suite = catalog.load_suite(suite_name)
        known = preflight.SuiteValidator(suite_name, catalog.scenarios())
        known.check(suite, self.schemes)
        will = forecast(suite)
        files.temporary_folder(will.temporary_bytes)
        archive.prepare(folder, will.disk_bytes)
        with Reporter(self._console) as reporter:
            result = Run(suite, Options(out=folder), known.needs_credential).run(
                arms_of_schemes(self.schemes.values()), reporter
            )
        archive.save(result, folder)
        if not result.valid:
            raise InvalidMeasurementError(
                f"the run of suite {suite_name} is invalid: {validity.invalid_reason(result)}"
            )
        return result

    def _end(self) -> None:
        """End all servers; the next experiment starts those it needs."""
        self._stack.close()
        self._rigs.clear()
        self._store = None

    def digest(self) -> str:
        """The digest of the servers' code, as one of them reports it."""
        rig = next(iter(self._rigs.values()), None) or self._rig("anonymous", {})
        return str(rig.instances[0].ready["digest"])

    def _rig(
        self, scheme: str, environment: dict[str, str], arguments: Sequence[str] = (), name: str = ""
    ) -> Rig:
        key = (scheme, tuple(sorted(environment.items())), tuple(arguments), name)
        if key not in self._rigs:
            own = {"AUTH_SECRET": self.secret} | environment
            arm = Arm(scheme, self.schemes[scheme], variants=(tuple(arguments),), environment=own)
            rig = Rig(
                [arm],
                ServerOptions(users=_ACCOUNTS),
                redis_url=None if self._store is None else self._store.url,
            )
            self._rigs[key] = self._stack.enter_context(rig)
            self._store = self._store or rig.store
        return self._rigs[key]


def kept(folder: Path, digest: str) -> Result | None:
    """The result that a folder holds of servers with this digest; None where there is none to be believed.

    One of a run that was stopped or invalid is set aside, for whoever wants to see what went wrong.

    Raises:
        SuiteError: It is of other servers.
    """
    if not (folder / archive.RESULT_FILE).exists():
        return None
    result = archive.load(folder)
    if not result.believable:
        free = next(path for number in count(1) if not (path := aside(folder, number)).exists())
        folder.rename(free)
        return None
    if result.environment.servers.get("digest") != digest:
        raise SuiteError(f"{folder} was measured of other servers: remove it, or name another --out.")
    return result


def aside(folder: Path, number: int) -> Path:
    """Where the folder of a run goes that must not be believed."""
    return folder.with_name(f"{folder.name}-set-aside-{number}")


class LabSetting(BaseModel):
    """Where and of what the answers are: others are not added to them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: The servers' digest.
    servers: str
    cpu: str
    cores: int
    python: str

    @classmethod
    def of(cls, servers: str) -> Self:
        """This machine, with servers of that digest."""
        return cls(
            servers=servers,
            cpu=cpus.cpu_model(),
            cores=cpus.cores(),
            python=interpreter.python(),
        )
