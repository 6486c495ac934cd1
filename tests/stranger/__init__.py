"""A server of somebody else's (`server.py`), and the suite that says how it speaks (`stranger.toml`)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from harness.suites import catalog
from harness.suites.external import ExternalServer

FOLDER: Final = Path(__file__).parent
SUITE: Final = FOLDER / "stranger.toml"


def described() -> ExternalServer:
    """What the suite says of it."""
    return catalog.load_suite(str(SUITE)).own["stranger"]


def suite(folder: Path, *changes: tuple[str, str]) -> Path:
    """The suite with something else in it, in a folder of the test's; the server stays where it is."""
    text = SUITE.read_text(encoding="utf-8")
    for old, new in (
        ('command = "{python} server.py"', f'command = "{{python}} {FOLDER}/server.py"'),
        *changes,
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file = folder / "stranger.toml"
    file.write_text(text, encoding="utf-8")
    return file


@contextmanager
def running(*faults: str, **environment: str) -> Iterator[int]:
    """The server by itself, with something wrong in it; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    told = {"PORT": str(port), "SECRET": "s" * 32, "FAULTS": ",".join(faults)} | environment
    process = subprocess.Popen([sys.executable, str(FOLDER / "server.py")], env=os.environ | told)
    try:
        _await(port)
        yield port
    finally:
        process.kill()
        process.wait()


def _await(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < deadline, "it never listened"
            time.sleep(0.02)
        else:
            return
