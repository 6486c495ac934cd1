"""Starts servers of somebody else's by the command that their suite gives, and waits until they can serve."""

from __future__ import annotations

import hashlib
import http.client
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import psutil

from harness.errors import EnvironmentFailedError, OutOfReachError, SuiteError
from harness.protocol.plan import Target
from harness.suites import external
from harness.suites.arms import Arm, SchemeEntry
from harness.suites.external import ExternalServer
from harness.suites.model import Suite
from harness.system import git, processes
from harness.system.process_groups import ProcessGroups
from harness.testbed.agent import messages
from harness.testbed.revisions import environments

_HOST: Final = "127.0.0.1"
_POLL_S: Final = 0.05
_ASK_TIMEOUT_S: Final = 5
#: Ports that no system gives out by itself, so that nobody's client has one when the server wants it.
_PORTS: Final = range(20_000, 32_000)
#: Seconds within which a server takes a connection.
_KNOCK_S: Final = 5
#: Metrics that take a meter of the server, and of the store.
_OF_SERVER: Final = ("server_cpu", "total_cpu", "server_rss")
_OF_STORE: Final = ("total_cpu",)


def arms(suite: Suite, asked: Mapping[str, Collection[str]] | None = None) -> dict[str, Arm]:
    """An arm for each of a suite's own servers.

    Args:
        suite: The suite.
        asked: By arm, the routes that its scenarios ask for besides the login and the read.
    """
    return {
        name: Arm(
            name,
            SchemeEntry(
                name,
                server.title,
                server.read_path,
                server.transport,
                store="this run's, as it has it" if server.uses_store else "none of this run's",
                database="as it has it",
            ),
            own=server,
            asked=frozenset((asked or {}).get(name, ())),
        )
        for name, server in suite.own.items()
    }


def check(suite: Suite, source: str, *, may_load_others: bool) -> None:
    """Refuse what cannot be called or started of a suite's own servers, before anything is.

    Args:
        suite: The suite.
        source: Its file, for messages.
        may_load_others: Whether the user allows a load on other machines.

    Raises:
        SuiteError: Names the key, and what was expected.
    """
    for name, server in suite.own.items():
        if (others := server.remote()) and not may_load_others:
            raise SuiteError(
                f"{source}: own.{name}.address: {', '.join(others)} is not this machine. Loading a machine"
                " that is not yours is an attack; if it is yours, say so with --load-other-machines."
            )
        if server.command is not None and not Path(server.folder).is_dir():
            raise SuiteError(f"{source}: own.{name}.folder: there is no folder {server.folder}")
        if server.lock and not Path(server.folder, server.lock).is_file():
            raise SuiteError(f"{source}: own.{name}.lock: there is no file {server.lock} in its folder")


def check_meters(suite: Suite, source: str, redis_url: str | None) -> None:
    """Refuse to judge what nobody reads, and agents that nobody could ask.

    Args:
        suite: The suite.
        source: Its file, for messages.
        redis_url: The store of servers that run already; None where nobody reads it.

    Raises:
        SuiteError: Names the key, and what to do.
    """
    for name, server in suite.own.items():
        if server.agent is not None:
            messages.secret_of(os.environ)
        for index, scenario in enumerate(suite.scenarios):
            if name not in suite.arms_of([scenario]) or server.address is None:
                continue
            metric, remedies = scenario.primary_metric, []
            if metric in _OF_SERVER and server.agent is None:
                remedies.append(f"start bench.py remote agent beside {name} and name it in own.{name}.agent")
            if metric in _OF_STORE and redis_url is None:
                remedies.append(f"name the store that {name} uses with --redis-url")
            if remedies:
                raise SuiteError(
                    f"{source}: scenarios[{index}].primary: expected another metric than {metric}, such as"
                    f" service_p50 or throughput, since nobody reads that of {name}; or"
                    f" {', and '.join(remedies)}"
                )


def interpreter(server: ExternalServer, name: str) -> str:
    """The Python that stands for `{python}` in a server's command.

    Raises:
        EnvironmentFailedError: An environment with what its lock file names cannot be made.
    """
    if not server.lock:
        return sys.executable
    lock = Path(server.folder, server.lock).read_text(encoding="utf-8")
    return environments.cached(lock, name, lambda text: print(text, file=sys.stderr))


def free_ports(count: int) -> list[int]:
    """So many different ports that nothing listens on at this moment.

    Raises:
        EnvironmentFailedError: There are no more.
    """
    shuffled = secrets.SystemRandom().sample(_PORTS, len(_PORTS))
    free = [port for port, _ in zip(filter(_is_free, shuffled), range(count), strict=False)]
    if len(free) < count:
        raise EnvironmentFailedError(f"no port from {_PORTS.start} to {_PORTS.stop - 1} is free.")
    return free


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind((_HOST, port))
        except OSError:
            return False
    return True


def start(
    name: str,
    server: ExternalServer,
    groups: ProcessGroups,
    *,
    port: int,
    python: str,
    values: Mapping[str, str],
    log: Path,
) -> subprocess.Popen[bytes]:
    """Start one instance; what it prints goes to the file `log`.

    Args:
        name: Of its arm.
        server: What the suite says of it.
        groups: Among which it is started, and ended.
        port: Where it is to listen.
        python: What stands for `{python}`.
        values: What stands for the other names of `own.IN_ENVIRONMENT`.
        log: Where what it prints goes.

    Raises:
        EnvironmentFailedError: The system would not start it.
    """
    if server.command is None:
        raise AssertionError("it runs already")
    known = {"port": str(port), "python": python, **values}
    told = {key: external.put(value, known, key) for key, value in server.environment.items()}
    environment = processes.inherited() | told
    words = external.filled(server.command, known)
    try:
        return groups.start(words, environment=environment, folder=Path(server.folder), log=log)
    except OSError as error:
        raise EnvironmentFailedError(f"server {name} could not be started: {error.strerror}.") from error


def await_ready(
    name: str,
    server: ExternalServer,
    port: int,
    process: subprocess.Popen[bytes],
    deadline: float,
    said: Callable[[], str],
) -> None:
    """Return once the server says that it can serve.

    Args:
        name: Of its arm.
        server: What the suite says of it.
        port: Where it is to listen.
        process: What was started.
        deadline: Until when, by `time.monotonic`.
        said: The last that it printed.

    Raises:
        EnvironmentFailedError: It ended, did not say so in time, or something else listens there.
    """
    answered = "nothing listens there"
    while True:
        if process.poll() is not None:
            raise EnvironmentFailedError(
                f"server {name} would not start: {server.command} ended with exit code {process.returncode}:"
                f" {said()}"
            )
        status = _status(port, server.ready)
        if status is not None and 200 <= status < 300:
            _require_own(name, server, port, process)
            return
        if status is not None:
            answered = f"the last answer was {status}"
        if time.monotonic() > deadline:
            raise EnvironmentFailedError(
                f"server {name} was not ready in time: GET {server.ready} at port {port}: {answered}:"
                f" {said()}"
            )
        time.sleep(_POLL_S)


def _require_own(name: str, server: ExternalServer, port: int, process: subprocess.Popen[bytes]) -> None:
    """Refuse what answers in the place of the server: its CPU would be somebody else's."""
    if not _listens(process.pid, port):
        raise EnvironmentFailedError(
            f"server {name}: what answers at port {port} is no process of {server.command}: start it in the"
            " foreground. One that runs elsewhere, such as in a container, is named by its address."
        )


def _listens(pid: int, port: int) -> bool:
    """Whether a process or one below it listens at a port; True where the system does not tell."""
    for member, _ in processes.process_tree(pid):
        try:
            sockets = psutil.Process(member).net_connections("tcp")
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied:
            return True
        if any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in sockets):
            return True
    return False


def _status(port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection(_HOST, port, timeout=_ASK_TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def check_reachable(target: Target) -> None:
    """Return if a server takes connections.

    Raises:
        OutOfReachError: It does not.
    """
    try:
        socket.create_connection((target.host, target.port), timeout=_KNOCK_S).close()
    except OSError as error:
        raise OutOfReachError(
            f"server {target.arm} at {target.host}:{target.port} takes no connections any more:"
            f" {error.strerror or error}. Is it, its machine or the network down?"
        ) from error


def describe(server: ExternalServer) -> dict[str, Any]:
    """What a result says of its code: the folder and a digest of what lies there, or its addresses."""
    if server.command is None:
        return {"package": ", ".join(server.address or []), "digest": ""}
    folder = Path(server.folder).resolve()
    return {"package": str(folder), "digest": digest(folder)}


#: Folders whose contents a lock file names, or that no program is.
_NOT_SOURCE: Final = frozenset({"node_modules", "__pycache__", "venv"})


#: Of a file that is longer, only name and length count: it is no source, and would take long to read.
_LONGEST: Final = 1 << 20


def digest(folder: Path) -> str:
    """SHA-256, in hex, over names and contents of a folder's files.

    They are those that git lists there, new ones too, ignored ones not; without a checkout all but hidden
    ones and packages.
    """
    whole = hashlib.sha256()
    for path in sorted(_files(folder)):
        size = path.stat().st_size
        name, content = os.fsencode(path.relative_to(folder)), path.read_bytes() if size <= _LONGEST else b""
        whole.update(b"%d:%b%d:%b" % (len(name), name, size, content))
    return whole.hexdigest()


def _files(folder: Path) -> Iterable[Path]:
    listed = git.output_or_none(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard") or ""
    found = [path for name in listed.split("\0") if name and (path := folder / name).is_file()]
    return found or _walk(folder)


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [one for one in folders if one not in _NOT_SOURCE and not one.startswith(".")]
        yield from (path for one in files if not one.startswith(".") and (path := Path(place, one)).is_file())
