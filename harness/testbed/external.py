"""Starts external servers by the command in their suite, and waits until they are ready."""

from __future__ import annotations

import hashlib
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psutil
from redis.connection import parse_url

from harness.errors import EnvironmentFailedError, SuiteError
from harness.suites import external
from harness.suites.arms import Arm, SchemeEntry
from harness.suites.external import ExternalServer
from harness.suites.model import Suite
from harness.system import git, processes
from harness.system.ports import LOOPBACK
from harness.system.process_groups import ProcessGroups
from harness.testbed.agent import messages
from harness.testbed.revisions import environments

#: Metrics that need a meter of the server.
_SERVER_METRICS: Final = ("server_cpu", "total_cpu", "server_rss")


def arms(suite: Suite, routes: Mapping[str, Collection[str]] | None = None) -> dict[str, Arm]:
    """Return an arm for each external server of a suite.

    Args:
        suite: The suite.
        routes: By arm, the routes that its scenarios use besides the login and the read.
    """
    return {
        name: Arm(
            name,
            SchemeEntry(
                name,
                server.title,
                server.read_path,
                server.transport,
                store="the run's store"
                if server.uses("redis_url", *external.OF_TCP_STORE)
                else "not the run's store",
                database="unknown",
            ),
            own=server,
            asked=frozenset((routes or {}).get(name, ())),
        )
        for name, server in suite.own.items()
    }


def check_store(suite: Suite, source: str, redis_url: str | None) -> None:
    """Refuse external servers that need host and port of a store that has none.

    Raises:
        SuiteError: The message has the key and the remedy.
    """
    for name, server in suite.own.items():
        if not server.uses(*external.OF_TCP_STORE):
            continue
        where = f"{source}: own.{name}.environment: {{redis_host}}, {{redis_port}} and {{redis_password}}"
        if redis_url and not redis_url.startswith(("redis://", "rediss://")):
            raise SuiteError(f"{where} need a --redis-url of a single server, redis:// or rediss://")
        for index, scenario in enumerate(suite.scenarios):
            is_unix = not redis_url and suite.conditions(scenario).store_link == "unix"
            if is_unix and name in suite.arms_of([scenario]):
                raise SuiteError(f'{where} need another store_link than "unix", which scenarios[{index}] has')


def store_values(url: str) -> dict[str, str]:
    """Return the placeholders of a store: its URL, and host, port and password of a single server."""
    is_single = url.partition(":")[0] in ("redis", "rediss")
    options: dict[str, Any] = dict(parse_url(url)) if is_single else {}  # type: ignore[no-untyped-call]
    return {
        "redis_url": url,
        "redis_host": str(options.get("host", "")),
        "redis_port": str(options.get("port", 6379)),
        "redis_password": str(options.get("password", "")),
    }


def check(suite: Suite, source: str, *, may_load_others: bool) -> None:
    """Refuse external servers that cannot be called or started, before anything is started.

    Args:
        suite: The suite.
        source: File of the suite, for messages.
        may_load_others: Whether the user allows a load on other machines.

    Raises:
        SuiteError: A key has an invalid value; the message has the key and what was expected.
    """
    for name, server in suite.own.items():
        if (others := server.remote()) and not may_load_others:
            raise SuiteError(
                f"{source}: own.{name}.address: {', '.join(others)} is not this machine. Loading a machine"
                " that is not yours is an attack; if it is yours, allow it with --load-other-machines."
            )
        if server.command is not None and not Path(server.folder).is_dir():
            raise SuiteError(f"{source}: own.{name}.folder: there is no folder {server.folder}")
        if server.lock and not Path(server.folder, server.lock).is_file():
            raise SuiteError(f"{source}: own.{name}.lock: there is no file {server.lock} in its folder")


def check_meters(suite: Suite, source: str, redis_url: str | None) -> None:
    """Refuse a primary metric that cannot be measured, and agents without a secret.

    Args:
        suite: The suite.
        source: File of the suite, for messages.
        redis_url: Store of the servers that run already; None if it is not measured.

    Raises:
        SuiteError: A metric or an agent cannot be used; the message has the key and the remedy.
    """
    for name, server in suite.own.items():
        if server.agent is not None:
            messages.secret_of(os.environ)
        for index, scenario in enumerate(suite.scenarios):
            if name not in suite.arms_of([scenario]) or server.address is None:
                continue
            metric, remedies = scenario.primary_metric, []
            if metric in _SERVER_METRICS and server.agent is None:
                remedies.append(f"start bench.py remote agent beside {name} and name it in own.{name}.agent")
            if metric == "total_cpu" and redis_url is None:
                remedies.append(f"name the store that {name} uses with --redis-url")
            if remedies:
                raise SuiteError(
                    f"{source}: scenarios[{index}].primary: expected another metric than {metric}, such as"
                    f" service_p50 or throughput, since {metric} of {name} cannot be measured; or"
                    f" {', and '.join(remedies)}"
                )


def interpreter(server: ExternalServer, name: str) -> str:
    """Return the Python that replaces `{python}` in a server's command.

    Raises:
        EnvironmentFailedError: The environment of its lock file cannot be created.
    """
    if not server.lock:
        return sys.executable
    lock = Path(server.folder, server.lock).read_text(encoding="utf-8")
    return environments.cached(lock, name, lambda text: print(text, file=sys.stderr))


def start(
    name: str,
    server: ExternalServer,
    groups: ProcessGroups,
    values: Mapping[str, str],
    log: Path,
) -> subprocess.Popen[bytes]:
    """Start one instance; its output goes to the file `log`.

    Args:
        name: Name of the arm.
        server: Table of the server in the suite.
        groups: Process groups that start and terminate it.
        values: Values of the placeholders, by name.
        log: File for its output.

    Raises:
        EnvironmentFailedError: The system cannot start it.
    """
    if server.command is None:
        raise AssertionError("it runs already")
    filled = {key: external.put(value, values, key) for key, value in server.environment.items()}
    environment = processes.inherited() | filled
    words = external.filled(server.command, values)
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
    last_output: Callable[[], str],
) -> None:
    """Wait until the server's readiness path answers 2xx.

    Args:
        name: Name of the arm.
        server: Table of the server in the suite.
        port: Port it should listen on.
        process: Process that was started.
        deadline: Latest time, in seconds of `time.monotonic`.
        last_output: Returns the end of its output.

    Raises:
        EnvironmentFailedError: It ended, was not ready in time, or another process listens on the port.
    """
    state = "nothing listens there"
    while True:
        if process.poll() is not None:
            raise EnvironmentFailedError(
                f"server {name} would not start: {server.command} ended with exit code {process.returncode}:"
                f" {last_output()}"
            )
        status = _status(port, server.ready)
        if status is not None and 200 <= status < 300:
            if _listens(process.pid, port):
                return
            # Another's CPU time would be measured for the server's.
            raise EnvironmentFailedError(
                f"server {name}: the process that listens on port {port} was not started by {server.command}:"
                " run the server in the foreground. Use its address if it runs elsewhere, such as in a"
                " container."
            )
        if status is not None:
            state = f"the last status was {status}"
        if time.monotonic() > deadline:
            raise EnvironmentFailedError(
                f"server {name} was not ready in time: GET {server.ready} at port {port}: {state}:"
                f" {last_output()}"
            )
        time.sleep(0.05)


def _listens(pid: int, port: int) -> bool:
    """Whether a process or a descendant listens on a port; True if the system does not permit to read it."""
    for member, _ in processes.process_tree(pid):
        try:
            sockets = psutil.Process(member).net_connections("tcp")
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied:
            return True
        if any(sock.status == psutil.CONN_LISTEN and sock.laddr.port == port for sock in sockets):
            return True
    return False


def _status(port: int, path: str) -> int | None:
    with closing(http.client.HTTPConnection(LOOPBACK, port, timeout=5)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None


def describe(server: ExternalServer) -> dict[str, Any]:
    """Return the origin of its code for the result: folder and digest, or its addresses."""
    if server.command is None:
        return {"package": ", ".join(server.address or []), "digest": ""}
    folder = Path(server.folder).resolve()
    return {"package": str(folder), "digest": digest(folder)}


#: Folders that a lock file describes, or that hold no source.
_NOT_SOURCE: Final = frozenset({"node_modules", "__pycache__", "venv"})
#: Longer files count by name and size only: they are no source, and take long to read.
_MAX_SOURCE_BYTES: Final = 1 << 20


def digest(folder: Path) -> str:
    """Return the SHA-256, in hex, of names and contents of a folder's files.

    In a checkout: the files that git lists, untracked ones included, ignored ones excluded. Elsewhere: all
    files except hidden ones and packages.
    """
    whole = hashlib.sha256()
    for path in sorted(_files(folder)):
        size = path.stat().st_size
        name = os.fsencode(path.relative_to(folder))
        content = path.read_bytes() if size <= _MAX_SOURCE_BYTES else b""
        whole.update(b"%d:%b%d:%b" % (len(name), name, size, content))
    return whole.hexdigest()


def _files(folder: Path) -> Iterable[Path]:
    listed = git.output_or_none(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard") or ""
    paths = [path for name in listed.split("\0") if name and (path := folder / name).is_file()]
    return paths or _walk(folder)


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _NOT_SOURCE and not name.startswith(".")]
        yield from (
            path for name in files if not name.startswith(".") and (path := Path(parent, name)).is_file()
        )
