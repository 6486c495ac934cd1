"""Differences of a server from the contract: the names of its paths, fields and accounts. Pure.

The keys of a mapping are the names of the contract, so that names which are not mapped stay the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: Routes of the contract, and whether a server with authentication can be measured without one. A test
#: compares them with `servers.contract`.
ROUTES: Final[Mapping[str, bool]] = {
    "/authenticate": False,
    "/api/restricted": False,
    "/api/csrf": True,
    "/api/email": True,
    "/api/admin": True,
    "/api/admin/accounts/{username}": True,
    "/logout": True,
    "/password": True,
    "/token/refresh": True,
    "/public": True,
    "/healthz": True,
}
#: Statuses of the answer at a path that a server does not have.
NOT_THERE: Final = (404, 405, 501)
#: Fields of requests and answers; a dot separates nested names.
FIELDS: Final = (
    "username",
    "password",
    "profile.id",
    "token",
    "csrf_token",
    "refresh_token",
    "id",
    "email",
    "old",
    "new",
)

#: Prefix of the only route that contains the name of an account.
_ACCOUNTS: Final = "/api/admin/accounts/"


@dataclass(frozen=True)
class AccountNames:
    """Accounts of a server.

    Attributes:
        load: Name of the account of virtual user `{n}`, from 0.
        example: Name of an account without any role.
        admin: Name of an account with the role `admin`; empty if there is none.
        password: Password of all of them.
    """

    load: str = "load-{n}"
    example: str = "john.doe"
    admin: str = "jane.roe"
    password: str = "foobar"  # noqa: S105 - of the example accounts

    def load_user(self, number: int) -> str:
        """Return the name of a virtual user's account."""
        return self.load.replace("{n}", str(number))


@dataclass(frozen=True)
class Dialect:
    """Names of a server that differ from those of the contract.

    Attributes:
        paths: Its path, by that of the contract; empty for a route that it does not have.
        fields: Its field, by that of the contract.
        authorization: The word before a bearer token.
        csrf_header: The header that proves that an unsafe request is not forged.
        accounts: Accounts that can log in.
    """

    paths: Mapping[str, str] = field(default_factory=dict, hash=False)
    fields: Mapping[str, str] = field(default_factory=dict, hash=False)
    authorization: str = "Bearer"
    csrf_header: str = "X-CSRF-Token"
    accounts: AccountNames = AccountNames()

    def path(self, route: str) -> str:
        """Return its path for a route of the contract; empty if it has none.

        A route with the name of an account is mapped by the route with `{username}` in that place.
        """
        if not route.startswith(_ACCOUNTS):
            return self.paths.get(route, route)
        name = route.removeprefix(_ACCOUNTS)
        return self.paths.get(_ACCOUNTS + "{username}", _ACCOUNTS + "{username}").replace("{username}", name)

    def has(self, route: str) -> bool:
        """Whether it has a route of the contract."""
        return bool(self.path(route))

    def body(self, values: Mapping[str, Any]) -> bytes:
        """Return the JSON of a request, with the field names of the server."""
        body: dict[str, Any] = {}
        for name, value in values.items():
            *parents, last = self.fields.get(name, name).split(".")
            parent = body
            for key in parents:
                parent = parent.setdefault(key, {})
            parent[last] = value
        return json.dumps(body).encode()

    def pick(self, answer: Any, name: str) -> Any:
        """Return a field of an answer; None if it is missing.

        Args:
            answer: The decoded JSON of the answer.
            name: Name of the field in the contract.
        """
        value = answer
        for key in self.fields.get(name, name).split("."):
            if not isinstance(value, Mapping):
                return None
            value = value.get(key)
        return value

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Dialect:
        """Return the dialect of fields that `dataclasses.asdict` made; raises TypeError on anything else."""
        return cls(**{**fields, "accounts": AccountNames(**fields["accounts"])})


def names_in(answer: Any) -> str:
    """Return the names of the fields of an answer, with dots, without their values, which may be secret."""
    return ", ".join(_names(answer, "")) or "no fields"


def _names(value: Any, prefix: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, nested in value.items():
            yield from _names(nested, f"{prefix}.{name}" if prefix else str(name))
    elif prefix:
        yield prefix


#: The contract itself.
CONTRACT: Final = Dialect()
