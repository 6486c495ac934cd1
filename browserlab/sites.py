"""The names under which pages and the API are served; all of them lie on this machine."""

from __future__ import annotations

from typing import Final

#: The API's own host, which serves the client, too: pages there are of the same origin.
OWN: Final = "shop.test"
#: Another origin of the same site, which the servers name.
SIBLING: Final = "app.shop.test"
#: Another origin of the same site, which they do not name.
UNNAMED_SIBLING: Final = "blog.shop.test"
#: Another site, which the servers name.
PARTNER: Final = "partner.test"
#: Another site, which they do not name.
STRANGER: Final = "evil.test"

ALL: Final = (OWN, SIBLING, UNNAMED_SIBLING, PARTNER, STRANGER)


def origin(host: str) -> str:
    """As browsers write it."""
    return f"https://{host}"


#: What every server here is told besides its port.
ARGUMENTS: Final = (
    "--behind-tls",
    *("--allow-origin", origin(SIBLING)),
    *("--allow-origin", origin(PARTNER)),
)
