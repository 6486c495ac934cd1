"""Tests see nothing of the user's: neither what they have set nor what else runs on their machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import forks
from tests.sandbox import ROOT, short_folder

#: What users have set, some of it nonsense.
SET = {
    "REDIS_URL": "redis://127.0.0.1:1",
    "AUTH_SECRET": "x",
    "LOOKUP_URL": "x",
    "COOKIES_VS_TOKENS_SECRET": "x",
    "GITHUB_STEP_SUMMARY": "/nowhere/step.md",
    "COLUMNS": "20",
    "NO_COLOR": "1",
    "FORCE_COLOR": "1",
    "http_proxy": "http://127.0.0.1:9",
}


def test_nothing_that_the_user_has_set_reaches_what_is_tested() -> None:
    """Neither the environment nor signals that a shell has ignored, as one does under nohup."""
    program = (
        "import json, os, signal, tests.conftest\n"
        "print(json.dumps([dict(os.environ), signal.getsignal(signal.SIGHUP) == signal.SIG_IGN]))"
    )
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])"
    )
    done = subprocess.run(
        [sys.executable, "-c", ignoring, program],
        cwd=ROOT,
        env=os.environ | SET,
        capture_output=True,
        text=True,
        check=True,
    )
    environment, is_ignored = json.loads(done.stdout)
    assert (SET.keys() - {"http_proxy"}) & environment.keys() == set()
    assert "127.0.0.1" in environment["no_proxy"]
    assert not is_ignored


def test_sockets_have_room_whatever_the_folder_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is short is taken as it is."""
    assert short_folder() == tempfile.gettempdir()
    monkeypatch.setattr(tempfile, "tempdir", "/tmp/" + "x" * 80)  # noqa: S108 - nothing is made there
    assert len(short_folder()) < 30


def test_a_forked_command_is_the_command(tmp_path: Path) -> None:
    """What it prints and ends with, where it runs and what is set: as of one that was started by itself."""
    wrong = ("export", "nothing", "--results", "results")
    for arguments in (("list", "suites"), wrong):
        environment = os.environ | {"COLUMNS": "60"}
        started = subprocess.run(
            [sys.executable, str(ROOT / "bench.py"), *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        forked = forks.run("bench", arguments, folder=tmp_path, environment=environment, patience_s=60)
        assert (forked.returncode, forked.stdout, forked.stderr) == (
            started.returncode,
            started.stdout,
            started.stderr,
        )


def test_a_forked_command_that_is_killed_says_so(tmp_path: Path) -> None:
    """By its exit code, as every process; until then it has none."""
    with (tmp_path / "log").open("wb") as log:
        server = forks.start(
            "servers",
            ["anonymous", "--json", "--port", "0"],
            folder=ROOT,
            environment=os.environ,
            stderr=log,
        )
    assert server.stdout is not None
    with server.stdout:
        assert json.loads(server.stdout.readline())["pid"] == server.pid
    assert server.poll() is None
    server.kill()
    assert server.wait(60) == -signal.SIGKILL
    server.kill()
    assert server.poll() == -signal.SIGKILL
