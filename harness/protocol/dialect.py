"""How a server speaks the contract: its own paths, fields and accounts in the place of ours. Pure.

A mapping has the contract's own name of a thing on its left, so that what is not named stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: The contract's routes, and whether a server that authenticates can be measured without one. A test holds
#: them equal to `servers.contract`.
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
#: How a server answers at a path that it does not have.
NOT_THERE: Final = (404, 405, 501)
#: Fields of requests and answers; a dot leads into an object.
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

#: How the one route begins that has an account's name in it.
_ACCOUNTS: Final = "/api/admin/accounts/"


@dataclass(frozen=True)
class AccountNames:
    """The accounts that a server has been given.

    Attributes:
        load: Name of the account of virtual user `{n}`, from 0.
        example: Somebody without any role.
        admin: Somebody with the role `admin`; empty where there is none.
        password: Of all of them.
    """

    load: str = "load-{n}"
    example: str = "john.doe"
    admin: str = "jane.roe"
    password: str = "foobar"  # noqa: S105 - of the example accounts

    def load_user(self, number: int) -> str:
        """The name of a virtual user's account."""
        return self.load.replace("{n}", str(number))


@dataclass(frozen=True)
class Dialect:
    """Where a server's names differ from the contract's.

    Attributes:
        paths: Its own path by the contract's; empty for a route that it does not have.
        fields: Its own field by the contract's.
        authorization: The word before a bearer token.
        csrf_header: The header that proves an unsafe request to be no forgery.
        accounts: Who can log in.
    """

    paths: Mapping[str, str] = field(default_factory=dict, hash=False)
    fields: Mapping[str, str] = field(default_factory=dict, hash=False)
    authorization: str = "Bearer"
    csrf_header: str = "X-CSRF-Token"
    accounts: AccountNames = AccountNames()

    def path(self, route: str) -> str:
        """Where it has a route of the contract; empty where it has none.

        A route with an account's name in it is found by the one that has `{username}` there.
        """
        if not route.startswith(_ACCOUNTS):
            return self.paths.get(route, route)
        name = route.removeprefix(_ACCOUNTS)
        return self.paths.get(_ACCOUNTS + "{username}", _ACCOUNTS + "{username}").replace("{username}", name)

    def has(self, route: str) -> bool:
        """Whether it has a route of the contract."""
        return bool(self.path(route))

    def body(self, values: Mapping[str, Any]) -> bytes:
        """A request's JSON, its fields named as the server has them."""
        whole: dict[str, Any] = {}
        for name, value in values.items():
            *above, last = self.fields.get(name, name).split(".")
            place = whole
            for part in above:
                place = place.setdefault(part, {})
            place[last] = value
        return json.dumps(whole).encode()

    def pick(self, answer: Any, name: str) -> Any:
        """A field of an answer; None where it is not there.

        Args:
            answer: The answer's JSON, decoded.
            name: The contract's name of the field.
        """
        value = answer
        for part in self.fields.get(name, name).split("."):
            if not isinstance(value, Mapping):
                return None
            value = value.get(part)
        return value

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Dialect:
        """The dialect that `dataclasses.asdict` made these fields of; TypeError on anything else."""
        return cls(**{**fields, "accounts": AccountNames(**fields["accounts"])})


def names_in(answer: Any) -> str:
    """The fields of an answer, dots and all, without what they hold: that may be a secret."""
    return ", ".join(_names(answer, "")) or "no fields"


def _names(value: Any, above: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _names(inner, f"{above}.{name}" if above else str(name))
    elif above:
        yield above


#: The contract as it stands.
CONTRACT: Final = Dialect()
