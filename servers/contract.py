"""The HTTP contract of the servers under test: paths, field names, header names, accounts.

Pure: constants, shared with the load generator and the harness. A server in any language that implements this
contract can be measured.
"""

from typing import Final, NamedTuple

AUTHENTICATE: Final = "/authenticate"
RESTRICTED: Final = "/api/restricted"
CSRF: Final = "/api/csrf"
EMAIL: Final = "/api/email"
ADMIN: Final = "/api/admin"
ADMIN_ACCOUNT: Final = "/api/admin/accounts/{username}"
LOGOUT: Final = "/logout"
PASSWORD: Final = "/password"  # noqa: S105 - a path
REFRESH: Final = "/token/refresh"
PUBLIC: Final = "/public"
HEALTH: Final = "/healthz"

CSRF_HEADER: Final = "X-CSRF-Token"

#: Fields that session records and tokens both carry, so that both do the same work.
IDENTITY_FIELDS: Final = ("sub", "first_name", "last_name", "email", "role")

#: Lifetime of a credential, and idle timeout of a session, in seconds.
ABSOLUTE_TIMEOUT_S: Final = 5 * 60 * 60
IDLE_TIMEOUT_S: Final = 30 * 60


class Credentials(NamedTuple):
    """Username and password of a login."""

    username: str
    password: str


#: The example account of Auth0's article, and an account with the role `admin`.
EXAMPLE: Final = Credentials("john.doe", "foobar")
EXAMPLE_ADMIN: Final = Credentials("jane.roe", "foobar")


def load_credentials(index: int) -> Credentials:
    """Return the credentials of virtual user `index` (from 0); its account id is `load-<index>`."""
    return Credentials(f"load-{index}", "foobar")


def authority(host: str, port: int) -> str:
    """Return host and port as in a URL; an IPv6 address is in brackets (RFC 3986 section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
