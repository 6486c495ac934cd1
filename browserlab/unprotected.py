"""Removal of single protections, of the API and of the client, so that no server has to be made unsafe.

The proxy changes requests and responses of the API; the client's page gets an injected script, as by a
compromised dependency or an XSS vulnerability.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from browserlab.pages import Page

#: Value of a cookie's attribute; `unsaid` for a cookie without the attribute.
SameSite = Literal["Strict", "Lax", "None", "unsaid"]

_SAME_SITE: Final = re.compile(r"; *SameSite=\w+", re.IGNORECASE)
_HTTP_ONLY: Final = re.compile(r"; *HttpOnly", re.IGNORECASE)
_POLICY: Final = "Content-Security-Policy"


@dataclass(frozen=True)
class Weakened:
    """Changes of the server's protections; none by default.

    Attributes:
        same_site: SameSite attribute of the cookie; None for the server's.
        partitioned: Whether to add `Partitioned`, which separates the cookie by the site of the page.
        http_only: Whether the cookie keeps `HttpOnly`, so that scripts cannot read it.
        proof: Whether writes need the CSRF token.
        json_only: Whether bodies must have the content type of JSON, which forms cannot send.
        safe_gets: Whether a GET changes nothing.
        preflight_max_age_s: Seconds that a browser may cache a preflight; None for the server's value.
    """

    same_site: SameSite | None = None
    partitioned: bool = False
    http_only: bool = True
    proof: bool = True
    json_only: bool = True
    safe_gets: bool = True
    preflight_max_age_s: int | None = None

    def set_cookie(self, line: str) -> str:
        """Return a `Set-Cookie` line of the server as changed for browsers."""
        if self.same_site is not None:
            attribute = "" if self.same_site == "unsaid" else f"; SameSite={self.same_site}"
            line = _SAME_SITE.sub("", line) + attribute
        if not self.http_only:
            line = _HTTP_ONLY.sub("", line)
        return f"{line}; Partitioned" if self.partitioned else line


#: The API with all protections of the server.
AS_IT_COMES: Final = Weakened()


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
