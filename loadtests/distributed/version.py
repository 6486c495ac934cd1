"""What a load process is made of, as far as it moves the numbers: those that share a load must be alike."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).resolve().parents[2]
#: What the load has in common with the harness and the servers; a test holds it against the imports.
SHARED: Final = (
    "harness/__init__.py",
    "harness/protocol/__init__.py",
    "harness/protocol/clocks.py",
    "harness/protocol/dialect.py",
    "harness/protocol/incidents.py",
    "harness/protocol/plan.py",
    "harness/protocol/recording.py",
    "harness/protocol/seal.py",
    "harness/protocol/staircase.py",
    "servers/__init__.py",
    "servers/contract.py",
)
_PACKAGES: Final = ("gevent", "geventhttpclient", "hdrhistogram", "locust", "msgpack", "numpy", "pyzmq")


def files() -> list[Path]:
    """The files that make a load, by their path from the root."""
    own = (path.relative_to(_ROOT) for path in (_ROOT / "loadtests").rglob("*.py"))
    return sorted([*own, *map(Path, SHARED)])


def digest(some: Iterable[Path]) -> str:
    """One digest of the names and contents of files, in this order; their paths are from the root."""
    whole = hashlib.sha256()
    for path in some:
        content = (_ROOT / path).read_bytes()
        whole.update(f"{path.as_posix()} {len(content)}\n".encode() + content)
    return whole.hexdigest()


def version() -> dict[str, str]:
    """What must be alike in all processes that share a load, each part under a name for people."""
    major, minor, _ = platform.python_version_tuple()
    packages = {name: metadata.version(name) for name in _PACKAGES}
    return {"load code": digest(files())[:12], "Python": f"{major}.{minor}", **packages}


def about() -> dict[str, Any]:
    """What a worker tells of itself and its machine."""
    return {
        "version": version(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "cpu": _cpu(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def differences(ours: dict[str, str], theirs: dict[str, str]) -> str:
    """What two versions differ in, for people; empty where they are alike."""
    names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    return ", ".join(
        f"{name} {theirs.get(name, 'none')} instead of {ours.get(name, 'none')}" for name in names
    )


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
