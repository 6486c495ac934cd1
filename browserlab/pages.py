"""Files of the client and of the attackers' pages, with the client's Content-Security-Policy."""

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

#: The client's storage for a bearer token; empty for cookies, which the browser stores.
Store = Literal["memory", "session", "local", ""]


@dataclass(frozen=True)
class Page:
    """A file to serve.

    Attributes:
        body: Content.
        kind: Media type.
        headers: Additional response headers.
    """

    body: bytes
    kind: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Client:
    """Configuration of the client, as in its `config.json`.

    Attributes:
        transport: Transport of the credential.
        store: Storage for the credential in the page.
        api: Origin of the API; empty for the page's origin.
    """

    transport: Literal["bearer", "cookie"]
    store: Store = ""
    api: str = ""

    @property
    def policy(self) -> str:
        """Return the Content-Security-Policy, which allows the page's files and calls of its API only."""
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
        """Return the client's files by path."""
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
    """Return the attackers' files by path; pages of any site may load their scripts."""
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
