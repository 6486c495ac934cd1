"""Descriptions of a server: the ready line as JSON, the list of schemes, and curl examples."""

import argparse
import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from servers import contract, schemes

_PACKAGE = Path(__file__).resolve().parents[1]


def greeting(options: argparse.Namespace, port: int) -> str:
    """Return the output of a server once it is ready: shell commands to try, or, for programs, JSON.

    The JSON has scheme, address, process and digest of the code.

    Args:
        options: Command line of the server.
        port: Port on which it accepts connections.
    """
    commands = try_it(options.scheme, f"http://{options.host}:{port}", behind_tls=options.behind_tls)
    if not options.json:
        return commands
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


def describe_schemes() -> list[dict[str, Any]]:
    """Return name, description, store needs, guarantees and waived requirements of all schemes."""
    abouts = {name: asdict(schemes.load(name).ABOUT) for name in schemes.names()}
    needs = ("store", "database")
    return [
        {"name": name, **about, **{need: about["promises"][need] for need in needs}}
        for name, about in abouts.items()
    ]


def list_schemes() -> str:
    """Return the schemes as human-readable text."""
    lines = []
    for about in describe_schemes():
        changes = ("logout", "role change", "block", "password change")
        effects = (f"{change} {about['promises'][change.replace(' ', '_')]}" for change in changes)
        lines += [
            f"{about['name']:<16} {about['title']}",
            f"{'':<16} transport: {about['transport']}; needs the store for: {about['store']}",
            f"{'':<16} takes effect: {', '.join(effects)}",
        ]
        if about["waives"]:
            lines.append(f"{'':<16} INSECURE DEMO, do not copy; missing: {', '.join(about['waives'])}")
    return "\n".join(lines)


def try_it(scheme: str, url: str, *, behind_tls: bool) -> str:
    """Return shell commands that log in, read, and log out."""
    about = schemes.load(scheme).ABOUT
    body = json.dumps(contract.EXAMPLE._asdict())
    login = f"-H 'Content-Type: application/json' -d '{body}' {url}{contract.AUTHENTICATE}"
    read = f"{url}{about.read_path}"
    logout = f"-X POST {url}{contract.LOGOUT}"
    lines = {
        "none": [f"curl -s {login}", f"curl -s {read}"],
        "bearer": [
            f"TOKEN=$(curl -s {login} | {_pick('token')})",
            f'curl -s -H "Authorization: Bearer $TOKEN" {read}',
            f'curl -si -H "Authorization: Bearer $TOKEN" {logout}',
        ],
        "cookie": [
            f"CSRF=$(curl -s -c cookies.txt {login} | {_pick('csrf_token')})",
            f"curl -s -b cookies.txt {read}",
            f'curl -si -b cookies.txt -H "{contract.CSRF_HEADER}: $CSRF" {logout}',
        ],
    }[about.transport]
    greeting = [f"{scheme} serves {url} (Ctrl-C stops it). Try:", *(f"  {line}" for line in lines)]
    if about.transport == "cookie" and not behind_tls:
        greeting.append(
            "The cookie is not bound to https, because this is plain http; --behind-tls binds it."
        )
    return "\n".join(greeting)


def _pick(field: str) -> str:
    return f"python3 -c 'import json, sys; print(json.load(sys.stdin)[\"{field}\"])'"
