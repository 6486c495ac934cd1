"""Starts our own Python programs so that what runs is what was meant, and ends them again, always.

Programs start isolated (`python -I`): no PYTHONPATH, no user site, no current folder in front of ours. On
Linux the kernel ends them when the harness dies, even by SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from harness.errors import EnvironmentFailedError
from harness.system import interpreter, secret, signals
from harness.system.source_tree import OURS, Tree

#: The folder that holds servers/ and loadtests/: the checkout, or site-packages.
ROOT: Final = OURS.root

#: What would change what our programs do, and the run's secret, which is for those alone who must hold it.
_NOT_INHERITED: Final = ("LOCUST_", "PYTHON", secret.NAME)
#: Seconds between looks at processes that are to end.
_POLL_S: Final = 0.01
#: Python drops a slash at the end of a path, so that one byte more cannot be had.
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
    """The command line that runs `python -m module` of a tree.

    Args:
        module: Of the tree.
        arguments: For it.
        tree: Where it lies.
        path_bytes: How long the path to it is to be: the same folder by a detour, where its own is shorter by
            `LEAST_DETOUR_BYTES` or more.
    """
    root = _stretched(str(tree.root), path_bytes)
    return [tree.python, "-I", "-c", _BOOTSTRAP, root, str(os.getpid()), module, *arguments]


def _stretched(path: str, length: int) -> str:
    """A path to the same folder of so many bytes: `/.` is two, and a slash before it is one more."""
    missing = max(0, length - len(os.fsencode(path)))
    return f"{path}{'/' * (missing % 2)}{'/.' * (missing // 2)}"


def module_of(command_line: Sequence[str]) -> str | None:
    """The module that a command line made by `command` runs, whoever started it; None for any other."""
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
    """Start a program in a session of its own, so that Ctrl-C reaches only the harness.

    Its standard output is a pipe; its standard error goes to the file `log`. For
    `tree` and `path_bytes` see `command`.

    Raises:
        EnvironmentFailedError: The system would not start it.
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


def inherited() -> dict[str, str]:
    """This process's environment without what would change what Python or Locust runs, or a run's secret."""
    return {key: value for key, value in os.environ.items() if not key.startswith(_NOT_INHERITED)}


def run_module(module: str, arguments: Sequence[str], tree: Tree = OURS) -> str:
    """Run a short program of a tree to its end and return what it printed.

    Raises:
        EnvironmentFailedError: It failed; its last words are in the message.
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
    """End these: SIGTERM to all, SIGKILL to those still there after `patience_s` seconds.

    Whoever asks for the end once more has no patience left (`interrupts.hurried`).
    """
    started = list(processes)
    with signals.deferred():
        for process in started:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + patience_s
        while any(process.poll() is None for process in started):
            if time.monotonic() > deadline or signals.is_forced():
                break
            time.sleep(_POLL_S)
        for process in started:
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def process_tree(pid: int) -> frozenset[tuple[int, float]]:
    """A process and all below it, each by its id and the time it began: an id may be used again."""
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        return frozenset((one.pid, one.create_time()) for one in [root, *root.children(recursive=True)])
    return frozenset()


def last_lines(text: str, lines: int = 3) -> str:
    """The last few lines of a log, for an error message."""
    if missing := _MISSING_MODULE.search(text):
        # Servers and load start isolated (`-I`): they do not see what `pip install --user` put there.
        return interpreter.missing_module(missing[1])
    return " / ".join(line.strip() for line in text.strip().splitlines()[-lines:]) or "it said nothing"


def log_end(log: Path) -> str:
    """The last few lines of a log file."""
    try:
        return last_lines(log.read_text(errors="replace"))
    except OSError:
        return "its log is gone"
