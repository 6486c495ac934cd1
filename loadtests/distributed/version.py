"""Version of a load process, as far as it affects measurements; all that share a load need the same."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
from importlib import metadata
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).resolve().parents[2]
#: Files that the load shares with the harness and the servers; a test checks them against the imports.
SHARED: Final = (
    "harness/__init__.py",
    *(f"harness/protocol/{path.name}" for path in sorted((_ROOT / "harness" / "protocol").glob("*.py"))),
    "servers/__init__.py",
    "servers/contract.py",
)
_PACKAGES: Final = ("gevent", "geventhttpclient", "hdrhistogram", "locust", "msgpack", "numpy", "pyzmq")


def version() -> dict[str, str]:
    """Return the versions that must be the same in all processes of a load, each with a name for messages."""
    major, minor, _ = platform.python_version_tuple()
    packages = {name: metadata.version(name) for name in _PACKAGES}
    return {"load code": _digest()[:12], "Python": f"{major}.{minor}", **packages}


def about(cpu: str) -> dict[str, Any]:
    """Return the description that a worker sends of itself and its machine; `cpu` is its CPU model."""
    return {
        "version": version(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "cpu": cpu,
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def differences(ours: dict[str, str], theirs: dict[str, str]) -> str:
    """Return the differences between two versions as text; empty if there are none."""
    names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    return ", ".join(
        f"{name} {theirs.get(name, 'none')} instead of {ours.get(name, 'none')}" for name in names
    )


def _digest() -> str:
    """Return one digest of the names and contents of the load code, sorted by path."""
    load_code = (path.relative_to(_ROOT) for path in (_ROOT / "loadtests").rglob("*.py"))
    sha256 = hashlib.sha256()
    for path in sorted([*load_code, *map(Path, SHARED)]):
        content = (_ROOT / path).read_bytes()
        sha256.update(f"{path.as_posix()} {len(content)}\n".encode() + content)
    return sha256.hexdigest()
