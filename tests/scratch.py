"""Scratch repositories of servers for gates: what is committed there is known, so the answer is, too."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from harness.results.archive import load
from tests import noise
from tests.sandbox import ROOT, Sandbox

#: As small as a gate can be that still tells a server which does twice the work from one that does not.
_SUITE = """
title = "A gate for tests"
arms = ["token", "anonymous"]
instances = 4
warmup_requests = 50
{more}
[[scenarios]]
name = "saturation"
load = {{ model = "closed", users = 4 }}
seconds = 4
{budgets}
"""
#: So wide a tolerance that no noise looks like a regression.
TOLERANCE = ("--tolerance", "0.5")
#: So much more work that no noise hides it.
BUSY_ROUNDS = 20_000


def repository(top: Path, package: str = "servers") -> Path:
    """Make a repository of servers, a copy of ours, with one commit."""
    shutil.copytree(ROOT / "servers", top / package, ignore=shutil.ignore_patterns("__pycache__"))
    if package != "servers":
        for file in (top / package).rglob("*.py"):
            text = file.read_text()
            text = re.sub(r"^(\s*)(from|import) servers\b", rf"\1\2 {package}", text, flags=re.MULTILINE)
            file.write_text(text.replace('"servers.', f'"{package}.'))
    shutil.copy(ROOT / "requirements.lock", top / "requirements.lock")
    (top / "README.md").write_text("Hello\n")
    (top / ".gitignore").write_text("__pycache__/\n")
    git(top, "init", "--quiet", "--initial-branch=main")
    commit(top, "First")
    return top


def git(top: Path, *arguments: str) -> None:
    """Git, as somebody who commits."""
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(
        ["git", "-C", str(top), *identity, *arguments],  # noqa: S607 - any git will do
        check=True,
        capture_output=True,
    )


def commit(top: Path, message: str) -> None:
    """Everything there is."""
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--allow-empty", "-m", message)


def replaced(text: str, *changes: tuple[str, str]) -> str:
    """A text with something else in it; what is to be replaced must be there, or nothing would be tested."""
    for old, new in changes:
        assert old in text, f"{old!r} is not there"
        text = text.replace(old, new)
    return text


def slow_down(file: Path, rounds: str = str(BUSY_ROUNDS)) -> None:
    """Put a busy loop at the beginning of a scheme's check of a credential."""
    text = file.read_text()
    found = re.search(r"async def identify\([^\n]*:\n(?:\s+\"\"\"[^\n]*\n)?", text)
    assert found, file
    busy = f"        for _ in range({rounds}):\n            pass\n"
    file.write_text(text[: found.end()] + busy + text[found.end() :])


def suite(folder: Path, more: str = "", budgets: str = "") -> str:
    """Write a suite for a gate, and return its path."""
    file = folder / "tiny.toml"
    file.write_text(_SUITE.format(more=more, budgets=budgets))
    return str(file)


def check(
    sandbox: Sandbox, *arguments: str, patience_s: float = 240, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`bench.py check`; a run that this machine made invalid is no finding."""
    done = sandbox.run("check", *arguments, "--out", "run", patience_s=patience_s, **environment)
    if done.returncode == 12 and (sandbox.folder / "run" / "result.json").exists():
        noise.skip_if_spoilt(load(sandbox.folder / "run"))
    return done
