"""Removal of protections of the API, by changes of requests and responses in the proxy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

#: Value of a cookie's attribute; `unsaid` for a cookie without the attribute.
SameSite = Literal["Strict", "Lax", "None", "unsaid"]

_SAME_SITE: Final = re.compile(r"; *SameSite=\w+", re.IGNORECASE)
_HTTP_ONLY: Final = re.compile(r"; *HttpOnly", re.IGNORECASE)


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
