"""The client with an injected script, as by a compromised dependency or an XSS vulnerability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from browserlab.pages import Page

_POLICY: Final = "Content-Security-Policy"


def inject(files: Mapping[str, Page], script: str, *, policy: bool) -> dict[str, Page]:
    """Return the client's files with a script in the page.

    Args:
        files: The client's files, by path.
        script: URL of the script.
        policy: Whether the page keeps its Content-Security-Policy.
    """
    tag = f'<script src="{script}"></script></head>'.encode()
    injected = dict(files)
    for path in ("/", "/index.html"):
        page = files[path]
        headers = {name: text for name, text in page.headers.items() if policy or name != _POLICY}
        injected[path] = replace(page, body=page.body.replace(b"</head>", tag), headers=headers)
    return injected
