"""What every scheme does: issue a credential, tell who brings it, end it. Handlers know no more of it."""

# ruff: noqa: ARG002, B027 - what most schemes need not do has a body here, which ignores its arguments

import abc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from aiohttp import web

from servers.contract import ABSOLUTE_TIMEOUT_S, RESTRICTED
from servers.credentials.guarantees import Promises
from servers.credentials.identity import Identity
from servers.credentials.transport import Transport
from servers.http.responses import error

#: Tells who an account is by now; None where there is none, or it is blocked.
Current = Callable[[str], Awaitable[Identity | None]]

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


class Keeper(Protocol):
    """What a scheme keeps outside of this process."""

    async def ping(self) -> None:
        """Return when it answers; raises `web.HTTPServiceUnavailable` where it does not."""

    async def close(self) -> None:
        """End the connections."""


@dataclass(frozen=True)
class About:
    """What `python -m servers --list` says of a scheme.

    Attributes:
        title: One line for people.
        transport: How its credentials travel.
        promises: When what is ended ends.
        read_path: What a load should read.
        read_command: What a restricted read asks the store, once; empty where it does not.
        key_pair: Algorithm of the key pair that all its processes need; empty for a shared secret.
        lifetime_s: Seconds that a credential lives which nothing ends or renews.
        waives: What it does not do, and a scheme to be copied must.
    """

    title: str
    transport: Literal["cookie", "bearer", "none"]
    promises: Promises
    read_path: str = RESTRICTED
    read_command: str = ""
    key_pair: str = ""
    lifetime_s: int = ABSOLUTE_TIMEOUT_S
    waives: tuple[Requirement, ...] = ()


class Scheme(abc.ABC):
    """One way to authenticate callers.

    Every method raises `web.HTTPServiceUnavailable` where it needs the store and the store does not answer.

    Args:
        transport: How its credentials travel.
        keeper: What it keeps outside of this process; None where it keeps nothing.
    """

    def __init__(self, transport: Transport, keeper: Keeper | None = None) -> None:
        self._transport = transport
        self._keeper = keeper

    def setup(self, app: web.Application) -> None:
        """Add to `app` what the scheme needs around the handlers."""
        app.on_cleanup.append(self._close)

    async def ready(self) -> None:
        """Return when the scheme can serve."""
        if self._keeper is not None:
            await self._keeper.ping()

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

    async def revoke(self, request: web.Request, response: web.StreamResponse) -> None:
        """End the credential that came with `request`, or was issued in answering it, if that can be."""

    async def revoke_account(self, account_id: str) -> None:
        """End every credential of an account, if that can be."""

    async def revoke_rights(self, account_id: str) -> None:
        """Have no credential of an account go on with the role that it had, as soon as that can be.

        By default every one ends: a session is renewed with a change of role, by a new login.
        """
        await self.revoke_account(account_id)

    def check_issues(self) -> None:
        """Refuse to issue anything where that is done elsewhere.

        Raises:
            web.HTTPNotFound: It is.
        """

    def check_login_origin(self, request: web.Request) -> None:
        """Refuse a login that another site's page sent.

        Raises:
            web.HTTPForbidden: Another site's page sent it.
        """
        self._transport.check_login_origin(request)

    async def csrf_token(self, request: web.Request) -> str:
        """Return the token that must accompany what changes something.

        Raises:
            web.HTTPNotFound: The scheme needs none, since no browser adds its credentials by itself.
            web.HTTPUnauthorized: The caller has no session.
        """
        raise error(web.HTTPNotFound, "not_offered")

    async def refresh(self, refresh_token: str, current: Current) -> dict[str, str | int]:
        """Return a new pair of tokens.

        Args:
            refresh_token: What an earlier answer gave the caller.
            current: Who an account is by now.

        Raises:
            web.HTTPNotFound: The scheme has no refresh tokens.
            web.HTTPUnauthorized: This one is none, was used before, or its account is blocked.
        """
        raise error(web.HTTPNotFound, "not_offered")

    def unauthorized(self, code: str) -> web.HTTPUnauthorized:
        """Return the 401 for a request without a credential, or a login that failed."""
        return self._transport.unauthorized(code)

    def forbidden(self) -> web.HTTPForbidden:
        """Return the 403 for a caller who lacks the role."""
        return self._transport.forbidden()

    async def _close(self, _: web.Application) -> None:
        if self._keeper is not None:
            await self._keeper.close()
