"""A viewer for tests: the command in a process of its own, on a port that it drew, asked by raw bytes."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.report.compare.compare import compare
from harness.results import archive
from harness.results.model import Result
from harness.results.progress_file import PROGRESS_FILE, ProgressFile
from harness.system import files, locks, run_lock
from tests.sandbox import ROOT, WAIT_S, Sandbox

STORED = ROOT / "tests" / "harness" / "data" / "result.json"


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass
class Viewer:
    """A viewer that runs.

    Attributes:
        port: Where.
        process: The command.
    """

    port: int
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://localhost:{self.port}"

    def get(self, target: str, *headers: str, method: str = "GET", host: str | None = None) -> Answer:
        """Ask for exactly this target."""
        named = f"localhost:{self.port}" if host is None else host
        return self.send(f"{method} {target} HTTP/1.1", f"Host: {named}", *headers)

    def send(self, *lines: str) -> Answer:
        """Send these lines as they are, and read all that comes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S) as line:
            line.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
            content = b"".join(iter(lambda: line.recv(65536), b""))
        head, _, body = content.partition(b"\r\n\r\n")
        status, *rows = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (row.partition(": ") for row in rows)}
        return Answer(int(status.split()[1]), headers, body.decode(errors="replace"))

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """A page that follows what is under way."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S) as line:
            line.sendall(f"GET /live HTTP/1.1\r\nHost: localhost:{self.port}\r\n\r\n".encode())
            yield Listener(line)


@dataclass
class Listener:
    """One end of a stream of events."""

    line: socket.socket
    _rest: str = field(default="")

    def status(self) -> int:
        """Of the answer; read first."""
        return int(self._until("\r\n\r\n").split()[1])

    def event(self) -> list[dict[str, Any]]:
        """The runs of the next event, however long it takes."""
        while True:
            if found := re.search(r"event: progress\ndata: (.*)", self._until("\n\n")):
                runs: list[dict[str, Any]] = json.loads(found[1])
                return runs

    def _until(self, end: str) -> str:
        while end not in self._rest:
            data = self.line.recv(4096)
            assert data, "the viewer hung up"
            self._rest += data.decode()
        found, _, self._rest = self._rest.partition(end)
        return found


def start(sandbox: Sandbox, results: Path, *arguments: str, **environment: str) -> Viewer:
    """Start a viewer of a folder and wait until it says where it is."""
    ours = {
        "TMPDIR": tempfile.gettempdir()
    } | environment  # where runs meet that are under way in this process
    process = sandbox.start("view", "--results", str(results), "--port", "0", *arguments, **ours)
    assert process.stdout is not None
    said = process.stdout.readline()
    found = re.search(r"http://localhost:(\d+)/", said)
    assert found, said + process.communicate()[0]
    return Viewer(int(found[1]), process)


def stop(viewer: Viewer) -> str:
    """Ctrl-C; what it said from then on."""
    viewer.process.send_signal(signal.SIGINT)
    said, _ = viewer.process.communicate(timeout=WAIT_S)
    assert viewer.process.returncode == 130, said
    return said


@contextmanager
def viewing(results: Path) -> Iterator[Viewer]:
    """A viewer of a folder, ended afterwards."""
    with ExitStack() as stack:
        sandbox = Sandbox(results.parent)
        stack.callback(sandbox.close)
        running = start(sandbox, results)
        yield running
        stop(running)


def stored(**changes: Any) -> dict[str, Any]:
    """The stored example as JSON has it; `run` and `environment` are changed by name."""
    result: dict[str, Any] = json.loads(STORED.read_text())
    for name, value in changes.items():
        part = "environment" if name in result["environment"] else "run"
        result[part][name] = value
    return result


def put(folder: Path, result: dict[str, Any] | None = None, **changes: Any) -> Path:
    """Put a result into a folder, which is made."""
    folder.mkdir(parents=True)
    about = {"id": folder.name} | changes
    (folder / "result.json").write_text(json.dumps(stored(**about) if result is None else result))
    return folder


def put_comparison(folder: Path, *ids: str) -> Path:
    """Put runs of these ids, set side by side, into a folder, which is made; its page says nothing."""
    folder.mkdir(parents=True)
    compared = compare([(one, Result.model_validate(stored(id=one))) for one in ids])
    archive.save_texts({archive.COMPARISON_FILE: compared.model_dump_json()}, folder)
    (folder / "report.html").write_text("side by side")
    return folder


@contextmanager
def under_way(folder: Path) -> Iterator[ProgressFile]:
    """As if a run were under way in a folder that there is: its reserve locked, this machine taken."""
    reserve = files.reserve_of(folder)
    with run_lock.machine_lock(folder, wait=False, log=print), reserve.open("wb") as file:
        locks.mark(file)
        file.write(b"reserve")
        file.flush()
        try:
            yield ProgressFile(folder, "smoke", ["token", "cookie"])
        finally:
            for own in (folder / PROGRESS_FILE, reserve):
                own.unlink(missing_ok=True)
