"""A place of its own for a command: its folder, its temporary files, and all that must be gone afterwards."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests import forks

ROOT = Path(__file__).resolve().parent.parent
#: Marks every process that a command starts, whoever its parent is by then.
MARK = "COOKIES_VS_TOKENS_TEST"
#: What takes longer hangs; a fast test is ended before that by its own limit.
WAIT_S = 240.0


def short_folder() -> str:
    """Return the folder for temporary files, or a shorter one: the path of a socket has some 100 bytes."""
    given = tempfile.gettempdir()
    others = ("/tmp", "/var/tmp")  # noqa: S108 - what is made there has a name of its own
    is_plain = len(os.fsencode(given)) < 30 and given.isascii() and " " not in given
    places = [given] if is_plain else [*others, given]
    return next(place for place in places if os.access(place, os.W_OK))


def parts(running: subprocess.Popen[str]) -> dict[psutil.Process, str]:
    """The children of a command that live, each with its command line; one that is ending is left out."""
    found = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(running.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):  # which a zombie is, too
                found[child] = " ".join(child.cmdline())
    return found


class Sandbox:
    """Runs bench.py as a user does, from a folder of its own and with a TMPDIR of its own.

    Args:
        folder: The current folder of every command.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Short, since the path of a socket has some 100 bytes.
        self.temporary = Path(tempfile.mkdtemp(prefix="cvt-"))
        self._mark = secrets.token_hex(8)
        self._running: list[subprocess.Popen[str]] = []

    def environment(self, **extra: str) -> dict[str, str]:
        """The environment of every command here."""
        ours = {"TMPDIR": str(self.temporary), MARK: self._mark}
        return {k: v for k, v in os.environ.items() if k != "REDIS_URL"} | ours | extra

    def run(
        self,
        *arguments: str,
        python: str = sys.executable,
        patience_s: float = WAIT_S,
        before: str = "",
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run bench.py to its end; `before` is code that makes it smaller than users have it."""
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import bench\n{before}\nbench.main()"
        program = ["-c", code] if before else [str(ROOT / "bench.py")]
        return subprocess.run(
            [python, *program, *arguments],
            cwd=self.folder,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=patience_s,
            check=False,
        )

    def ask(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run bench.py to its end as `run` does, for what measures nothing: it begins sooner."""
        return forks.run(
            "bench",
            arguments,
            folder=self.folder,
            environment=self.environment(**environment),
            patience_s=WAIT_S,
        )

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start bench.py as the leader of a process group, as a shell does; both outputs are one."""
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "bench.py"), *arguments],
            cwd=self.folder,
            env=self.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )
        self._running.append(process)
        return process

    def until(self, process: subprocess.Popen[str], happened: Callable[[], object]) -> None:
        """Wait for something to happen while a command runs."""
        deadline = time.monotonic() + WAIT_S
        while not happened():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.01)

    def part(self, running: subprocess.Popen[str], word: str) -> psutil.Process:
        """Wait for a child whose command line has that word.

        Returns:
            The first, in the order of their start.
        """
        self.until(running, lambda: any(word in line for line in parts(running).values()))
        return next(child for child, line in parts(running).items() if word in line)

    def processes(self) -> list[str]:
        """What still runs of all that was started here, by command line."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                # A store writes its title over its environment; its socket is in that title.
                words = " ".join(process.cmdline())
                marked = process.environ().get(MARK) == self._mark
                if (marked or str(self.temporary) in words) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(words)
        return found

    def sockets(self) -> list[str]:
        """Unix sockets that are open below the temporary folder."""
        lines = Path("/proc/net/unix").read_text().splitlines()
        return [line for line in lines if str(self.temporary) in line]

    def nothing_left(self) -> None:
        """Assert that no process, no socket and no temporary file is left of what ran here."""
        deadline = time.monotonic() + 20  # the kernel ends the parts of a harness that was killed, soon
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert self.processes() == []
        assert self.sockets() == []
        assert sorted(path.name for path in self.temporary.iterdir()) == []
        assert [str(path) for path in self.folder.rglob(".*") if path.is_file()] == []

    def close(self) -> None:
        """End what a failed test left, so that the next one starts clean."""
        for process in self._running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        shutil.rmtree(self.temporary, ignore_errors=True)
