"""The client and the attackers' pages as files to be served, with the policy that belongs to the client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

_HERE: Final = Path(__file__).parent
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
}

#: Where the client keeps a bearer token; a cookie keeps itself.
Store = Literal["memory", "session", "local", ""]


@dataclass(frozen=True)
class Page:
    """One file.

    Attributes:
        body: Its content.
        kind: Its media type.
        headers: What is sent with it besides.
    """

    body: bytes
    kind: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Client:
    """What the client is told by its `config.json`.

    Attributes:
        transport: How the credential travels.
        store: Where the page keeps it.
        api: Origin of the API; empty where that is the page's own.
    """

    transport: Literal["bearer", "cookie"]
    store: Store = ""
    api: str = ""

    @property
    def policy(self) -> str:
        """Content-Security-Policy: the page's own files, and calls to its own API."""
        return "; ".join(
            (
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                f"connect-src 'self' {self.api}".strip(),
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
                "require-trusted-types-for 'script'",
                "trusted-types 'none'",
            )
        )

    def pages(self) -> dict[str, Page]:
        """The client's files by path."""
        headers = {
            "Content-Security-Policy": self.policy,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        files = _folder("client", headers)
        files["/config.json"] = Page(json.dumps(asdict(self)).encode(), _TYPES[".json"], headers)
        return files


def attacks() -> dict[str, Page]:
    """The attackers' files by path; anybody's page may load their scripts."""
    return _folder("attacks", {"Access-Control-Allow-Origin": "*"})


def _folder(name: str, headers: Mapping[str, str]) -> dict[str, Page]:
    files = {
        f"/{path.name}": Page(path.read_bytes(), _TYPES[path.suffix], headers)
        for path in sorted((_HERE / name).iterdir())
        if path.suffix in _TYPES
    }
    if "/index.html" in files:
        files["/"] = files["/index.html"]
    return files
