"""One thing that the contract asks of a server, and somebody to ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Literal

from harness.protocol.dialect import Dialect
from harness.suites.external import Transport
from harness.system import plugins
from harness.testbed.client import ApiClient, Response

#: `needed`: without it a measurement would be of something else. `advised`: safe servers do it.
Weight = Literal["needed", "advised"]

LOGIN: Final = "/authenticate"
READ: Final = "/api/restricted"
EMAIL: Final = "/api/email"
ADMIN: Final = "/api/admin"
ADMIN_ACCOUNT: Final = "/api/admin/accounts/{username}"
LOGOUT: Final = "/logout"
PASSWORD: Final = "/password"  # noqa: S105 - a path
REFRESH: Final = "/token/refresh"
CSRF: Final = "/api/csrf"
PUBLIC: Final = "/public"
HEALTH: Final = "/healthz"


class UnmetError(Exception):
    """The server does something else; says what."""


class NotThereError(Exception):
    """The server does not have what the requirement is about; says what."""


@dataclass
class ServerUnderTest:
    """A server that is asked.

    Attributes:
        host: Where it is.
        port: Where it is.
        dialect: How it speaks the contract.
        transport: What its credential travels in.
        numbers: Of load accounts that no requirement has touched.
    """

    host: str
    port: int
    dialect: Dialect
    transport: Transport
    numbers: Iterator[int] = field(default_factory=count)

    def stranger(self) -> ApiClient:
        """Somebody who carries nothing."""
        return ApiClient(self.host, self.port, dialect=self.dialect)

    def somebody(self) -> ApiClient:
        """Somebody without a role, logged in.

        Raises:
            UnmetError: The server would not.
        """
        return self.logged_in(self.dialect.accounts.example)

    def admin(self) -> ApiClient:
        """An admin, logged in.

        Raises:
            UnmetError: The server would not, or has none.
        """
        if not self.dialect.accounts.admin:
            raise UnmetError("it has no account of an admin")
        return self.logged_in(self.dialect.accounts.admin)

    def unused(self) -> str:
        """The name of an account that no other requirement has touched."""
        return self.dialect.accounts.load_user(next(self.numbers))

    def logged_in(self, username: str) -> ApiClient:
        """Somebody who has logged in.

        Raises:
            UnmetError: The server would not.
        """
        caller = self.stranger()
        reply = caller.log_in(username, self.dialect.accounts.password)
        expect(reply, 200, f"the login of {username}")
        if not caller.headers:
            raise UnmetError(f"the login of {username} issued neither a cookie nor a token")
        return caller


@dataclass(frozen=True)
class Requirement:
    """One line of the contract.

    Attributes:
        says: What is asked, as a sentence.
        weight: How much depends on it.
        routes: The routes that it is about; a server without one of them is not asked.
        check: Checks a server; raises UnmetError if it does something else.
        transports: Of which transports it is asked.
    """

    says: str
    weight: Weight
    routes: tuple[str, ...]
    check: Callable[[ServerUnderTest], None]
    transports: tuple[Transport, ...] = ("cookie", "bearer")


def expect(reply: Response, status: int, what: str) -> None:
    """Raise UnmetError unless a reply has this status."""
    if reply.status != status:
        raise UnmetError(f"{what} was answered {reply.status}, not {status}")


def requirements() -> list[Requirement]:
    """Return all requirements, in the order in which they are checked: that of `ORDER` in their files."""
    files = plugins.modules("harness.testbed.contract.requirements").values()
    ordered = sorted(files, key=lambda module: int(module.ORDER))
    return [requirement for module in ordered for requirement in module.REQUIREMENTS]
