"""The gate where nothing but a dependency changes: each side runs with what its own lock file names."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from harness.results.archive import load
from tests import scratch
from tests.sandbox import ROOT, Sandbox

#: What `servers/` imports; with these an environment is made in a fraction of the time of our whole lock.
NEEDED = (
    *("aiohttp", "aiohttp-cors", "aiohttp-session", "aiosqlite", "argon2-cffi", "asyncpg", "itsdangerous"),
    *("joserfc", "msgspec", "pyjwt[crypto]", "redis[hiredis]", "uvloop"),
)
#: Two environments, and two batches of a gate.
PATIENCE_S = 600


def wheel(folder: Path, version: str, rounds: int) -> str:
    """Make a wheel of the package `busywork`, and return its line of a lock file."""
    about = f"busywork-{version}.dist-info"
    file = folder / f"busywork-{version}-py3-none-any.whl"
    texts = {
        "busywork.py": f"ROUNDS = {rounds}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: busywork\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*texts, f"{about}/RECORD"))
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in (texts | {f"{about}/RECORD": record}).items():
            archive.writestr(name, text)
    return f"busywork=={version} --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"


def needed() -> set[str]:
    """What servers import, and all that this needs in turn, as this environment has it."""
    found: set[str] = set()
    todo = [Requirement(text) for text in NEEDED]
    while todo:
        one = todo.pop()
        found.add(canonicalize_name(one.name))
        for text in metadata.requires(one.name) or []:
            other = Requirement(text)
            extras = [{"extra": extra} for extra in one.extras or {""}]
            wanted = other.marker is None or any(other.marker.evaluate(extra) for extra in extras)
            if wanted and canonicalize_name(other.name) not in found:
                todo.append(other)
    return found


def our_lock(names: set[str]) -> str:
    """The part of our lock file that pins these, hashes included."""
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / "requirements.lock").read_text().rstrip("\n"))
    kept = [entry for entry in entries if entry.partition("==")[0].partition("[")[0] in names]
    assert len(kept) >= len(NEEDED)
    return "\n".join(kept) + "\n"


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(PATIENCE_S + 60)
def test_an_upgrade_that_costs_is_found_though_the_code_is_the_same(
    sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Both sides run one code; the newer lock file brings a package that makes it turn a loop."""
    place = tmp_path_factory.mktemp("locks")  # hidden files in the sandbox's own folder would be left-overs
    wheels = place / "wheels"
    wheels.mkdir()
    lines = [wheel(wheels, "1.0", 0), wheel(wheels, "2.0", scratch.BUSY_ROUNDS)]
    locks = [f"--find-links {wheels}\n{our_lock(needed())}{line}" for line in lines]
    top = scratch.repository(place / "repository")
    scheme = top / "servers" / "credentials" / "token_scheme.py"
    scratch.slow_down(scheme, "busywork.ROUNDS")
    scheme.write_text(
        scratch.replaced(scheme.read_text(), ("\nfrom aiohttp", "\nimport busywork\nfrom aiohttp"))
    )
    for lock, message in zip(locks, ("Use busywork", "Upgrade busywork"), strict=True):
        (top / "requirements.lock").write_text(lock)
        scratch.commit(top, message)
    where = ("--against", "HEAD~1", "--repo", str(top), "--skip-unchanged")
    pip = subprocess.run(
        [sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=True
    ).stdout
    cache = {"XDG_CACHE_HOME": str(place / "cache"), "PIP_CACHE_DIR": pip.strip()}
    done = scratch.check(
        sandbox, scratch.suite(place), *where, *scratch.TOLERANCE, patience_s=PATIENCE_S, **cache
    )
    assert done.returncode == 10, done.stdout + done.stderr
    result = load(sandbox.folder / "run")
    assert {row.subject for row in result.gate if row.answer == "regression"} == {"token"}
    assert len(set(result.environment.digests.values())) == 1
    assert result.comparand is not None
    assert result.comparand.differing == []
    before, now = result.comparand.sides
    assert [side.lock for side in (before, now)] == [
        hashlib.sha256(lock.encode()).hexdigest() for lock in locks
    ]
    assert (before.packages["busywork"], now.packages["busywork"]) == ("1.0", "2.0")
    assert "locust" not in before.packages
    assert before.packages | {"busywork": "2.0"} == now.packages
    assert len({before.environment, now.environment, "this tool's own"}) == 3
    page = (sandbox.folder / "run" / "check.md").read_text()
    assert "The servers' code is the same; their lock file differs (busywork 1.0 → 2.0)." in page
