"""What every server under test promises on the wire: paths, field names, header names, accounts.

Pure. The one module that the load and the harness share with the servers. A server in another language that
speaks this contract can be measured just as well.
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

#: Fields that a session record and a token both carry, so that both sides do the same work.
IDENTITY_FIELDS: Final = ("sub", "first_name", "last_name", "email", "role")

#: Seconds a credential lives in all, and seconds an unused session lives.
ABSOLUTE_TIMEOUT_S: Final = 5 * 60 * 60
IDLE_TIMEOUT_S: Final = 30 * 60


class Credentials(NamedTuple):
    """What a person types to log in."""

    username: str
    password: str


#: The account of the article that started this, and one with the role `admin`.
EXAMPLE: Final = Credentials("john.doe", "foobar")
EXAMPLE_ADMIN: Final = Credentials("jane.roe", "foobar")


def load_credentials(index: int) -> Credentials:
    """The `index`-th (from 0) of the accounts seeded for virtual users; its `id` is `load-<index>`."""
    return Credentials(f"load-{index}", "foobar")
