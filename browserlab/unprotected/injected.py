"""The client with a script of somebody else's in it, as a compromised dependency or an XSS hole brings it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from browserlab.pages import Page

_POLICY: Final = "Content-Security-Policy"


def inject(files: Mapping[str, Page], script: str, *, policy: bool) -> dict[str, Page]:
    """The client's files with that script in the page.

    Args:
        files: As they are.
        script: Its address.
        policy: Leave the page its Content-Security-Policy.
    """
    tag = f'<script src="{script}"></script></head>'.encode()
    injected = dict(files)
    for path in ("/", "/index.html"):
        page = files[path]
        headers = {name: text for name, text in page.headers.items() if policy or name != _POLICY}
        injected[path] = replace(page, body=page.body.replace(b"</head>", tag), headers=headers)
    return injected
