"""External programs that end with the harness, together with all processes that they started.

Each leads its own process group, which is killed as a whole. A harness that is killed cannot do that: then
the kernel kills the leaders, and a guard, a small program that waits for the harness's end, kills the rest.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from harness.system import processes, signals

#: Launcher: asks the kernel to kill it with the harness, then replaces itself by the program.
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
#: Guard: reads ids of process groups, and kills these when its input ends, as it does when the harness dies.
_GUARD: Final = """
import contextlib, os, signal, sys
for group in sys.stdin.readlines():
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(int(group), signal.SIGKILL)
"""


class ProcessGroups:
    """Process groups of the programs that were started; `close` ends them."""

    def __init__(self) -> None:
        self._leaders: list[subprocess.Popen[bytes]] = []
        self._guard: subprocess.Popen[bytes] | None = None

    def start(
        self, words: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a program as the leader of a group, with its output in the file `log`.

        If the program does not exist, its launcher writes that to the log.

        Args:
            words: Command line.
            environment: Complete environment.
            folder: Working directory.
            log: File that the output is appended to.

        Raises:
            OSError: The system cannot start a process.
        """
        launcher = [sys.executable, "-I", "-c", _LAUNCH, str(os.getpid()), *words]
        with log.open("ab") as out, signals.deferred():
            if self._guard is None:
                self._guard = subprocess.Popen(
                    [sys.executable, "-I", "-c", _GUARD],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            leader = subprocess.Popen(
                launcher,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
            self._leaders.append(leader)
            _register(self._guard, leader.pid)
        return leader

    def close(self) -> None:
        """End the programs: SIGTERM to the leaders, SIGKILL to what is left of their groups."""
        with signals.deferred():
            processes.terminate(self._leaders)
            for leader in self._leaders:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(leader.pid, signal.SIGKILL)
            if self._guard is not None:
                self._guard.kill()  # it would kill groups by ids that may have been reused
                self._guard.communicate()


def _register(guard: subprocess.Popen[bytes], group: int) -> None:
    if guard.stdin is None:
        raise AssertionError("the guard is started with a pipe")
    with contextlib.suppress(BrokenPipeError):  # the guard was killed; the kernel still kills the leaders
        guard.stdin.write(b"%d\n" % group)
        guard.stdin.flush()
