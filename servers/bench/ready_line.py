"""Line of JSON that a server prints once it is ready, by which a program knows what it measures."""

import argparse
import hashlib
import json
import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def ready_line(options: argparse.Namespace, port: int, commands: str) -> str:
    """Return scheme, address, process and digest of the code as one line of JSON.

    Args:
        options: Command line of the server.
        port: Port on which it accepts connections.
        commands: Shell commands to try.
    """
    return json.dumps(
        {
            "ready": True,
            "scheme": options.scheme,
            "host": options.host,
            "port": port,
            "pid": os.getpid(),
            "loop": options.loop,
            "password_cost": options.password_cost,
            "package": str(_PACKAGE),
            "digest": package_digest(),
            "try_it": commands,
        }
    )


def package_digest(package: Path = _PACKAGE) -> str:
    """Return the SHA-256, in hex, of the sorted paths and contents of the package's Python files."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        name, content = path.relative_to(package).as_posix().encode(), path.read_bytes()
        digest.update(b"%d:%b%d:%b" % (len(name), name, len(content), content))
    return digest.hexdigest()
