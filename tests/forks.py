"""Commands in processes of their own, forked from one that has imported what they need.

Each has its own arguments, environment, folder and output, and ends as any process does; it only begins
sooner. A test that is about the beginning (imports, interpreters, command lines) starts Python itself.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final, Literal

ROOT: Final = Path(__file__).resolve().parent.parent
#: `bench.py`, or a package that Python runs by `-m`.
Program = Literal["bench", "browserlab", "servers"]

_IMPORTS: Final = {
    "bench": """
import runpy
import bench, harness.studies.benchmark.run, harness.report.html
from harness.report.charts.parts import draw
names = [name for name, _ in draw.figures()]
def run():
    runpy.run_path(bench.__file__, run_name="__main__")
""",
    "browserlab": """
import runpy
import browserlab.experiments, browserlab.session
[browserlab.experiments.load(name) for name in browserlab.experiments.names()]
def run():
    runpy.run_module("browserlab", run_name="__main__", alter_sys=True)
""",
    "servers": """
import importlib, pkgutil, runpy, uvloop
import servers, servers.schemes
for found in pkgutil.walk_packages(servers.__path__, "servers."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
def run():
    runpy.run_module("servers", run_name="__main__", alter_sys=True)
""",
}
#: Reads requests from a socket, a line each, with three files: for output, for errors, and for what becomes
#: of the command. A process in between waits for it there and tells its id and its exit code.
_PARENT: Final = """
import array, gc, json, os, signal, socket, sys, tempfile, time
fd, imports = int(sys.argv[1]), sys.argv[2]
exec(imports)
gc.collect()
gc.freeze()
requests = socket.socket(fileno=fd)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    line, files, _, _ = socket.recv_fds(requests, 1 << 16, 3)
    while line and not line.endswith(b"\\n"):
        line += requests.recv(1 << 16)
    if not line:
        os.killpg(0, signal.SIGKILL)
    if not os.fork():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        requests.close()
        out, errors, told = files
        child = os.fork()
        if child:
            os.close(out)
            os.close(errors)
            os.write(told, b"%d\\n" % child)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            os.write(told, b"%d\\n" % code)
            os._exit(0)
        os.close(told)
        break
    for file in files:
        os.close(file)
asked = json.loads(line)
nothing = os.open(os.devnull, os.O_RDONLY)
for number, file in enumerate((nothing, out, errors)):
    os.dup2(file, number)
    os.close(file)
os.chdir(asked["folder"])
os.environ.clear()
os.environ.update(asked["environment"])
time.tzset()
tempfile.tempdir = None
sys.argv = asked["arguments"]
run()
"""


class Forked:
    """A command that runs, or has run; it has what a `subprocess.Popen` has, as far as tests ask.

    Attributes:
        pid: Its process id.
        returncode: Once it has ended and was waited for.
        stdout: What it prints, where that was not given a file.
    """

    def __init__(self, pid: int, told: int, stdout: IO[bytes] | None) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout = stdout
        self._told = told

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit code."""
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            said = os.read(self._told, 64)
            os.close(self._told)
            self.returncode = int(said) if said else -signal.SIGKILL
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def start(
    program: Program,
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    stdout: IO[bytes] | None = None,
    stderr: IO[bytes],
) -> Forked:
    """Start a command; its output comes by a pipe where no file is given for it."""
    read, write = os.pipe() if stdout is None else (-1, stdout.fileno())
    told, tells = os.pipe()
    name = str(ROOT / ("bench.py" if program == "bench" else f"{program}/__main__.py"))
    asked = {"arguments": [name, *arguments], "folder": str(folder), "environment": dict(environment)}
    socket.send_fds(_parent(program), [json.dumps(asked).encode() + b"\n"], [write, stderr.fileno(), tells])
    os.close(tells)
    if stdout is None:
        os.close(write)
    pid = b""
    while not pid.endswith(b"\n"):
        more = os.read(told, 1)
        assert more, "nothing was started"
        pid += more
    return Forked(int(pid), told, os.fdopen(read, "rb") if stdout is None else None)


def run(
    program: Program,
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    patience_s: float,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return what it said."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = start(program, arguments, folder=folder, environment=environment, stdout=out, stderr=errors)
        try:
            code = process.wait(patience_s)
        finally:
            process.kill()
        texts = []
        for file in (out, errors):
            file.seek(0)
            texts.append(file.read().decode())
        return subprocess.CompletedProcess([program, *arguments], code, *texts)


@functools.cache
def _parent(program: Program) -> socket.socket:
    """The socket of the process from which commands are forked; it ends with this one, and so do they."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", _PARENT, str(theirs.fileno()), _IMPORTS[program]],
            cwd=ROOT,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    atexit.register(_end, process, ours)
    return ours


def _end(process: subprocess.Popen[bytes], requests: socket.socket) -> None:
    requests.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
