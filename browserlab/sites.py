"""Host names of the pages and the API; all resolve to this machine."""

from __future__ import annotations

from typing import Final

#: Host of the API, which serves the client, too: its pages have the same origin.
OWN: Final = "shop.test"
#: Another origin of the same site, allowed by the servers.
SIBLING: Final = "app.shop.test"
#: Another origin of the same site, not allowed.
UNNAMED_SIBLING: Final = "blog.shop.test"
#: Another site, allowed by the servers.
PARTNER: Final = "partner.test"
#: Another site, not allowed.
STRANGER: Final = "evil.test"

ALL: Final = (OWN, SIBLING, UNNAMED_SIBLING, PARTNER, STRANGER)


def origin(host: str) -> str:
    """Return the origin of a host, as browsers write it."""
    return f"https://{host}"


#: Arguments of all servers, besides the port.
ARGUMENTS: Final = (
    "--behind-tls",
    *("--allow-origin", origin(SIBLING)),
    *("--allow-origin", origin(PARTNER)),
)
