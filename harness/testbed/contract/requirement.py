"""A requirement of the contract, and the server under test with its clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

from harness.protocol.dialect import Dialect
from harness.suites.external import Transport
from harness.system import plugins
from harness.testbed.client import ApiClient, Response

#: `needed`: required, since without it something else would be measured. `advised`: recommended for security.
Weight = Literal["needed", "advised"]


class UnmetError(Exception):
    """The server does something else, which the message describes."""


class NotThereError(Exception):
    """The server does not have the subject of the requirement, which the message names."""


@dataclass
class ServerUnderTest:
    """Server that is checked.

    Attributes:
        host: Host of the server.
        port: Port of the server.
        dialect: Paths and fields of the server.
        transport: Transport of its credential.
        numbers: Numbers of load accounts that no requirement has used.
    """

    host: str
    port: int
    dialect: Dialect
    transport: Transport
    numbers: Iterator[int] = field(default_factory=count)

    def new_client(self) -> ApiClient:
        """Return a client without credentials."""
        return ApiClient(self.host, self.port, dialect=self.dialect)

    def admin(self) -> ApiClient:
        """Log in as an admin.

        Raises:
            UnmetError: The login failed, or the server has no admin account.
        """
        if not self.dialect.accounts.admin:
            raise UnmetError("it has no admin account")
        return self.logged_in(self.dialect.accounts.admin)

    def unused_account(self) -> str:
        """Return the name of an account that no other requirement has used."""
        return self.dialect.accounts.load_user(next(self.numbers))

    def logged_in(self, username: str = "") -> ApiClient:
        """Log in as an account; default: the example account, which has no role.

        Raises:
            UnmetError: The login failed.
        """
        username, client = username or self.dialect.accounts.example, self.new_client()
        response = client.log_in(username, self.dialect.accounts.password)
        expect(response, 200, f"the login of {username}")
        if not client.headers:
            raise UnmetError(f"the login of {username} issued neither a cookie nor a token")
        return client


@dataclass(frozen=True)
class Requirement:
    """One line of the contract.

    Attributes:
        text: Text of the requirement, as a sentence.
        weight: Whether it is required or recommended.
        routes: Routes that it needs; a server without one of them is not checked.
        check: Function that checks a server, and raises UnmetError if it does something else.
        transports: Transports that it applies to.
    """

    text: str
    weight: Weight
    routes: tuple[str, ...]
    check: Callable[[ServerUnderTest], None]
    transports: tuple[Transport, ...] = ("cookie", "bearer")


def expect(response: Response, status: int, what: str) -> None:
    """Raise UnmetError unless a response has this status."""
    if response.status != status:
        raise UnmetError(f"{what} returned {response.status}, not {status}")


def returns(
    status: int, method: str, route: str, body: Mapping[str, str] | None = None, how: str = ""
) -> Callable[[ServerUnderTest], None]:
    """Return the check that a request without a credential returns this status.

    Args:
        status: Required status.
        method: HTTP method.
        route: Route of the contract.
        body: Object to send as JSON; None for no body.
        how: What the message says after method and route; default: that a required credential is missing.
    """
    how = how or (" without a credential" if status == 401 else "")

    def check(subject: ServerUnderTest) -> None:
        expect(subject.new_client().send(method, route, body), status, f"{method} {route}{how}")

    return check


def requirements() -> list[Requirement]:
    """Return all requirements in the order of `ORDER` in their files, in which they are checked."""
    files = plugins.modules("harness.testbed.contract.requirements").values()
    ordered = sorted(files, key=lambda module: int(module.ORDER))
    return [requirement for module in ordered for requirement in module.REQUIREMENTS]
