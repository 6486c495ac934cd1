"""Starts servers of somebody else's by the command that their suite gives, and waits until they can serve."""

from __future__ import annotations

import hashlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from harness import interrupts, own, processes, secret
from harness.agent import shared
from harness.arms import Arm, Scheme
from harness.errors import EnvironmentFailedError, OutOfReachError, SuiteError
from harness.own import OwnServer
from harness.schedule import Target
from harness.suite import Suite
from harness.trees import environments

_HOST: Final = "127.0.0.1"
_POLL_S: Final = 0.05
#: Seconds within which a server takes a connection.
_KNOCK_S: Final = 5
#: Folders whose contents a lock file names, or that no program is.
_NOT_SOURCE: Final = frozenset({"node_modules", "__pycache__", "venv"})

#: Asks the kernel to end what follows with the harness, and becomes it.
_LAUNCH: Final = """
import ctypes, os, signal, sys
parent, *command = sys.argv[1:]
if sys.platform == "linux":
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        sys.exit("the harness is gone")
try:
    os.execvp(command[0], command)
except OSError as error:
    sys.exit(f"{command[0]}: {error.strerror}")
"""


def arms(suite: Suite) -> dict[str, Arm]:
    """An arm for each of a suite's own servers."""
    return {
        name: Arm(
            name,
            Scheme(name, server.title, server.read_path, server.transport, store="as it has it"),
            own=server,
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
            shared.secret_of(os.environ)
        for index, scenario in enumerate(suite.scenarios):
            if name not in suite.arms_of([scenario]) or server.address is None:
                continue
            metric, remedies = scenario.primary_metric, []
            if metric in _OF_SERVER and server.agent is None:
                remedies.append(f"start bench.py agent beside {name} and name it in own.{name}.agent")
            if metric in _OF_STORE and redis_url is None:
                remedies.append(f"name the store that {name} uses with --redis-url")
            if remedies:
                raise SuiteError(
                    f"{source}: scenarios[{index}].primary: expected another metric than {metric}, such as"
                    f" service_p50 or throughput, since nobody reads that of {name}; or"
                    f" {', and '.join(remedies)}"
                )


_OF_SERVER: Final = ("server_cpu", "total_cpu", "server_rss")
_OF_STORE: Final = ("total_cpu",)


def interpreter(server: OwnServer, name: str) -> str:
    """The Python that stands for `{python}` in a server's command.

    Raises:
        SuiteError: Its lock file is not there.
        EnvironmentFailedError: An environment for it cannot be made.
    """
    if not server.lock:
        return sys.executable
    file = Path(server.folder, server.lock)
    try:
        lock = file.read_text(encoding="utf-8")
    except OSError as error:
        raise SuiteError(f"own.{name}.lock: {file}: {error.strerror}") from error
    return environments.cached(lock, name, lambda text: print(text, file=sys.stderr))


def free_ports(count: int) -> list[int]:
    """So many different ports that nothing listens on at this moment."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((_HOST, 0))
        return [int(one.getsockname()[1]) for one in sockets]


def start(
    server: OwnServer, *, port: int, python: str, values: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Start one instance in a session of its own; what it prints goes to the file `log`.

    Args:
        server: What the suite says of it.
        port: Where it is to listen.
        python: What stands for `{python}`.
        values: What stands for the other names of `own.IN_ENVIRONMENT`.
        log: Where what it prints goes.

    Raises:
        EnvironmentFailedError: The system would not start it.
    """
    if server.command is None:
        raise AssertionError("it runs already")
    words = own.filled(server.command, {"port": str(port), "python": python})
    known = {"port": str(port), **values}
    environment = {
        key: own.put(value, known, "a value of environment") for key, value in server.environment.items()
    }
    launcher = [sys.executable, "-I", "-c", _LAUNCH, str(os.getpid()), *words]
    try:
        with log.open("ab") as out, interrupts.held():
            return subprocess.Popen(
                launcher,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=secret.withheld(os.environ) | environment,
                cwd=server.folder,
                start_new_session=True,
            )
    except OSError as error:
        raise EnvironmentFailedError(f"{words[0]} could not be started: {error.strerror}.") from error


def await_ready(
    name: str, server: OwnServer, port: int, process: subprocess.Popen[bytes], log: Path, deadline: float
) -> None:
    """Return once the server says that it can serve.

    Raises:
        EnvironmentFailedError: It ended, or did not say so in time.
    """
    said = "nothing listens there"
    while True:
        if process.poll() is not None:
            raise EnvironmentFailedError(
                f"server {name} would not start: {server.command} ended with exit code {process.returncode}:"
                f" {processes.log_end(log)}"
            )
        status = _status(port, server.ready)
        if status is not None and 200 <= status < 300:
            return
        said = said if status is None else f"the last answer was {status}"
        if time.monotonic() > deadline:
            raise EnvironmentFailedError(
                f"server {name} was not ready in time: GET {server.ready} at port {port}: {said}; it said:"
                f" {processes.log_end(log)}"
            )
        time.sleep(_POLL_S)


def _status(port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection(_HOST, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def knock(target: Target) -> None:
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


def end_family(process: subprocess.Popen[bytes]) -> None:
    """End whatever a server left behind in its session after it ended itself."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def told(server: OwnServer) -> dict[str, Any]:
    """What a result says of its code: the folder and a digest of what lies there, or its addresses."""
    if server.command is None:
        return {"package": ", ".join(server.address or []), "digest": ""}
    folder = Path(server.folder).resolve()
    return {"package": str(folder), "digest": _digest(folder)}


def _digest(folder: Path) -> str:
    """SHA-256, in hex, over names and contents of a folder's files; hidden ones and packages left out."""
    digest = hashlib.sha256()
    for path in sorted(_sources(folder)):
        name, content = path.relative_to(folder).as_posix().encode(), path.read_bytes()
        digest.update(b"%d:%b%d:%b" % (len(name), name, len(content), content))
    return digest.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [one for one in folders if one not in _NOT_SOURCE and not one.startswith(".")]
        yield from (Path(place, one) for one in files if not one.startswith("."))
