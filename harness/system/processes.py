"""Starts this tool's Python programs so that exactly the intended code runs, and always ends them again.

Programs start isolated (`python -I`): no PYTHONPATH, no user site-packages, no current folder on the path. On
Linux the kernel kills them when the harness dies, even by SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from harness.errors import EnvironmentFailedError
from harness.system import interpreter, secret, signals
from harness.system.source_tree import OURS, Tree

#: Folder that contains servers/ and loadtests/: the checkout, or site-packages.
ROOT: Final = OURS.root

#: Variables that would change what the programs do, and the run's secret, which few programs need.
_NOT_INHERITED: Final = ("LOCUST_", "PYTHON", secret.NAME)
#: Start time in /proc/PID/stat (proc(5)), counted from the field after the program's name.
_START_FIELD: Final = 19
#: Seconds between two checks of processes that are to end.
_POLL_S: Final = 0.01
#: Python drops a slash at the end of a path, so a path cannot be lengthened by a single byte.
LEAST_DETOUR_BYTES: Final = 2
_MISSING_MODULE: Final = re.compile(r"^ModuleNotFoundError: No module named '([\w.]+)'", re.MULTILINE)

_BOOTSTRAP: Final = """
import ctypes, os, runpy, signal, sys
root, parent, module = sys.argv[1:4]
if sys.platform == "linux":
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        sys.exit("the harness is gone")
sys.path.insert(0, root)
sys.argv[1:4] = []
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def command(module: str, arguments: Sequence[str], tree: Tree = OURS, path_bytes: int = 0) -> list[str]:
    """Return the command line that runs `python -m module` of a source tree.

    Args:
        module: Module of the tree.
        arguments: Arguments of the module.
        tree: Source tree.
        path_bytes: Length of the tree's path in bytes: reached by a detour to the same folder if the tree's
            real path is shorter by `LEAST_DETOUR_BYTES` or more.
    """
    root = _stretched(str(tree.root), path_bytes)
    return [tree.python, "-I", "-c", _BOOTSTRAP, root, str(os.getpid()), module, *arguments]


def _stretched(path: str, length: int) -> str:
    """Return a path of this length to the same folder: `/.` adds two bytes, a slash before it one more."""
    missing = max(0, length - len(os.fsencode(path)))
    return f"{path}{'/' * (missing % 2)}{'/.' * (missing // 2)}"


def module_of(command_line: Sequence[str]) -> str | None:
    """Return the module that a command line made by `command` runs; None for any other command line."""
    parts = list(command_line)
    after = parts.index(_BOOTSTRAP) + 3 if _BOOTSTRAP in parts else len(parts)
    return parts[after] if after < len(parts) else None


def start(
    module: str,
    arguments: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    tree: Tree = OURS,
    path_bytes: int = 0,
) -> subprocess.Popen[bytes]:
    """Start a program in its own session, so that Ctrl-C reaches only the harness.

    Its standard output is a pipe; its standard error goes to the file `log`. For
    `tree` and `path_bytes` see `command`.

    Raises:
        EnvironmentFailedError: The system cannot start it.
    """
    try:
        with log.open("ab") as errors:
            return subprocess.Popen(
                command(module, arguments, tree, path_bytes),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=inherited() | dict(environment or {}),
                cwd=log.parent,
                start_new_session=True,
            )
    except OSError as error:
        raise EnvironmentFailedError(f"python -m {module} could not be started: {error.strerror}.") from error


@contextlib.contextmanager
def running(
    module: str, arguments: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program, as `start` does, and terminate it at the end of the context."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        with signals.deferred():
            started.append(start(module, arguments, log=log, environment=environment))
        yield started[0]
    finally:
        terminate(started)


def inherited() -> dict[str, str]:
    """Return this environment without settings of Python and Locust, and without a run's secret."""
    return {key: value for key, value in os.environ.items() if not key.startswith(_NOT_INHERITED)}


def run_module(module: str, arguments: Sequence[str], tree: Tree = OURS) -> str:
    """Run a short program of a tree to its end and return its output.

    Raises:
        EnvironmentFailedError: The program failed; the message contains its last lines.
    """
    done = subprocess.run(
        command(module, arguments, tree),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=secret.without_secret(os.environ),
        start_new_session=True,
    )
    if done.returncode:
        raise EnvironmentFailedError(f"python -m {module} failed: {last_lines(done.stderr)}")
    return done.stdout


def terminate(processes: Iterable[subprocess.Popen[bytes]], patience_s: float = 5) -> None:
    """End processes: SIGTERM to all, SIGKILL to those still running after `patience_s` seconds.

    A second signal from the user ends the wait at once (`signals.is_forced`).
    """
    started = list(processes)
    with signals.deferred():
        for process in started:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + patience_s
        while any(process.poll() is None for process in started) and not signals.is_forced():
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_S)
        for process in started:
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def process_tree(pid: int) -> frozenset[tuple[int, float]]:
    """Return a process and its descendants, each by id and start time, since ids are reused."""
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
        return frozenset((process.pid, _start_time(process)) for process in tree)
    return frozenset()


def _start_time(process: psutil.Process) -> float:
    """Return when a process started: on Linux in ticks since boot, elsewhere in seconds since the epoch.

    psutil has only the latter, which changes with every correction of the system's clock.

    Raises:
        psutil.NoSuchProcess: It has ended.
    """
    if not sys.platform.startswith("linux"):
        return float(process.create_time())
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(process.pid) from None
    return float(fields[_START_FIELD])


def last_lines(text: str, lines: int = 3) -> str:
    """Return the last few lines of a log, for an error message."""
    if missing := _MISSING_MODULE.search(text):
        # Servers and load start isolated (`-I`): they do not see what `pip install --user` installed.
        return interpreter.missing_module(missing[1])
    return " / ".join(line.strip() for line in text.strip().splitlines()[-lines:]) or "no output"


def log_end(log: Path) -> str:
    """Return the last few lines of a log file."""
    try:
        return last_lines(log.read_text(errors="replace"))
    except OSError:
        return "its log is missing"
