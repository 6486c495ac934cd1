"""A server under test as a process of its own, which begins sooner than users' do (`tests/forks.py`)."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests import forks

#: The secret that every server under test gets, so that tests can forge what its holder could.
SECRET = b"0123456789abcdef0123456789abcdef-test"

START_TIMEOUT_S = 20.0
ROOT = Path(__file__).resolve().parents[2]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a server: this one's, with our settings and no others."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "REDIS_URL" and not name.startswith("AUTH_SECRET")
    }
    return kept | {"AUTH_SECRET": SECRET.decode()} | dict(extra or {})


def errors_in(log: Path) -> str:
    """Return what a server logged, without the events of its security log."""
    lines = log.read_text().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith('{"time":'))


class Server:
    """A running `python -m servers SCHEME --json`, and what it said when it was ready."""

    def __init__(self, scheme: str, *arguments: str, log: Path, env: Mapping[str, str] | None = None) -> None:
        self.scheme = scheme
        self.log = log
        words = [scheme, "--json", "--port", "0", "--password-cost", "bench", *arguments]
        with log.open("wb") as errors:
            self.process = forks.start(
                "servers", words, folder=ROOT, environment=environment(env), stderr=errors
            )
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], START_TIMEOUT_S)
        line = self.process.stdout.readline() if readable else b""
        if not line:
            self.stop()
            raise AssertionError(f"{scheme} did not start: {log.read_text()}")
        self.ready: dict[str, Any] = json.loads(line)
        self.port: int = self.ready["port"]

    @property
    def errors(self) -> str:
        """What it logged, without the events of its security log."""
        return errors_in(self.log)

    def events(self) -> list[dict[str, Any]]:
        """Return the events of its security log so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith('{"time":')]

    def stop(self) -> int:
        """End the process as an operator would; returns its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(15)
        finally:
            self.process.kill()
            self.process.wait()
            if self.process.stdout:
                self.process.stdout.close()


def run_command(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `python -m servers` to its end and return what it said."""
    if "--processes" in arguments:  # which fork, and end, in ways of their own
        command = [sys.executable, "-m", "servers", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment(env), capture_output=True, text=True, timeout=30, check=False
        )
    return forks.run("servers", arguments, folder=ROOT, environment=environment(env), patience_s=30)
