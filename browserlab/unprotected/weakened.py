"""The API with some of its protections taken away: what the front changes in requests and answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

#: As a cookie's attribute says; `unsaid` is a cookie without that attribute.
SameSite = Literal["Strict", "Lax", "None", "unsaid"]

_SAME_SITE: Final = re.compile(r"; *SameSite=\w+", re.IGNORECASE)
_HTTP_ONLY: Final = re.compile(r"; *HttpOnly", re.IGNORECASE)


@dataclass(frozen=True)
class Weakened:
    """What is otherwise than the server has it; nothing, as this stands.

    Attributes:
        same_site: Attribute of the cookie in place of the server's.
        partitioned: Keep the cookie by the site of the page, too (`Partitioned`).
        http_only: Keep scripts from reading the cookie.
        proof: Have writes prove that a page sent them which could read the answer to the login.
        json_only: Refuse bodies of another content type than JSON, which forms cannot send.
        safe_gets: Change nothing on a GET.
        preflight_max_age_s: Seconds that a browser may remember a preflight in place of the server's.
    """

    same_site: SameSite | None = None
    partitioned: bool = False
    http_only: bool = True
    proof: bool = True
    json_only: bool = True
    safe_gets: bool = True
    preflight_max_age_s: int | None = None

    def set_cookie(self, line: str) -> str:
        """A `Set-Cookie` line of the server's as browsers shall see it."""
        if self.same_site is not None:
            said = "" if self.same_site == "unsaid" else f"; SameSite={self.same_site}"
            line = _SAME_SITE.sub("", line) + said
        if not self.http_only:
            line = _HTTP_ONLY.sub("", line)
        return f"{line}; Partitioned" if self.partitioned else line


#: The API just as the server has it.
AS_IT_COMES: Final = Weakened()
