"""What every scheme does: issue a credential, tell who brings it, end it. Handlers know no more of it."""

# ruff: noqa: ARG002, B027 - what most schemes need not do has a body here, which ignores its arguments

import abc
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from servers.answers import error
from servers.identity import Identity

Bites = Literal["at once", "at next issue"]

#: Requirements of docs/security.md that a scheme may waive; the tests then prove that the attack succeeds.
Requirement = Literal[
    "absolute timeout",
    "cookie removal under TLS",
    "end of the replaced session",
    "hashed ids",
    "idle timeout",
    "ids of 128 random bits",
    "no lost update",
    "no resurrection",
    "store outage",
]


@dataclass(frozen=True)
class Promises:
    """What a scheme promises; `tests/servers/test_promises.py` holds it to each.

    Attributes:
        logout: When a credential stops working that was logged out.
        role_change: When a change of role shows in what a credential may do.
        block: When a disabled account is kept out: its credentials at once, or only the next login.
        password_change: When the other credentials of an account end whose password changed.
        store: Which requests need the store.
        minted_elsewhere: Whether a process that shares no secret with this one can issue credentials.
        verified_elsewhere: Whether a process that could not issue credentials can check them.
    """

    logout: Literal["at once", "at expiry", "never"]
    role_change: Bites
    block: Bites
    password_change: Bites
    store: Literal["every request", "some", "none"]
    minted_elsewhere: bool
    verified_elsewhere: bool


@dataclass(frozen=True)
class About:
    """What `python -m servers --list` says of a scheme.

    Attributes:
        title: One line for people.
        transport: How its credentials travel.
        read_path: What a load should read.
        promises: When what is ended ends.
        waives: What it does not do, and a scheme to be copied must.
    """

    title: str
    transport: Literal["cookie", "bearer", "none"]
    read_path: str
    promises: Promises
    waives: tuple[Requirement, ...] = ()


class Scheme(abc.ABC):
    """One way to authenticate callers.

    Every method raises `web.HTTPServiceUnavailable` where it needs the store and the store does not answer.
    """

    def setup(self, app: web.Application) -> None:
        """Add to `app` what the scheme needs around the handlers."""

    async def ready(self) -> None:
        """Return when the scheme can serve."""

    @abc.abstractmethod
    async def identify(self, request: web.Request) -> Identity:
        """Tell who sent `request`.

        Raises:
            web.HTTPUnauthorized: It carries no credential, or a bad one.
            web.HTTPForbidden: It changes something and does not prove that the caller's own page sent it.
        """

    @abc.abstractmethod
    async def issue(
        self, request: web.Request, response: web.StreamResponse, identity: Identity
    ) -> dict[str, str | int]:
        """Give `identity` a fresh credential: on `response`, or among the fields that are returned.

        A credential that `request` carries ends where the scheme can end it.
        """

    async def update(self, request: web.Request, identity: Identity) -> None:
        """Have the credential that came with `request` say `identity` from now on, if that can be."""

    async def end(self, request: web.Request, response: web.StreamResponse) -> None:
        """End the credential that came with `request`, or was issued in answering it, if that can be."""

    async def end_account(self, account_id: str) -> None:
        """End every credential of an account, if that can be."""

    def check_login_origin(self, request: web.Request) -> None:
        """Refuse a login that another site's page sent.

        Raises:
            web.HTTPForbidden: Another site's page sent it.
        """

    async def csrf_token(self, request: web.Request) -> str:
        """Return the token that must accompany what changes something.

        Raises:
            web.HTTPNotFound: The scheme needs none, since no browser adds its credentials by itself.
            web.HTTPUnauthorized: The caller has no session.
        """
        raise error(web.HTTPNotFound, "not_offered")

    async def refresh(self, request: web.Request, refresh_token: str) -> dict[str, str | int]:
        """Return a new pair of tokens.

        Raises:
            web.HTTPNotFound: The scheme has no refresh tokens.
        """
        raise error(web.HTTPNotFound, "not_offered")

    @abc.abstractmethod
    def unauthorized(self, code: str) -> web.HTTPUnauthorized:
        """Return the 401 for a request without a credential, or a login that failed."""

    @abc.abstractmethod
    def forbidden(self) -> web.HTTPForbidden:
        """Return the 403 for a caller who lacks the role."""
