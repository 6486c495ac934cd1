"""Descriptions for people and programs: the list of schemes, and curl examples."""

import json
from dataclasses import asdict
from typing import Any

from servers import contract, schemes


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
            f"{'':<16} takes effect: {', '.join(effects)}; idle timeout: {about['promises']['idle_timeout']}",
        ]
        if about["waives"]:
            lines.append(f"{'':<16} INSECURE DEMO, do not copy; missing: {', '.join(about['waives'])}")
    return "\n".join(lines)


def try_it(scheme: str, host: str, port: int, *, behind_tls: bool) -> str:
    """Return shell commands that log in to a server, read, and log out."""
    url = f"http://{contract.authority(host, port)}"
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
