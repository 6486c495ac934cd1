"""Description of a scheme with its guarantees, and its interface: issue, verify and revoke credentials."""

# ruff: noqa: ARG002, B027 - optional methods have a default here that ignores its arguments

import abc
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from aiohttp import web

from servers.contract import ABSOLUTE_TIMEOUT_S, RESTRICTED
from servers.credentials.identity import Identity
from servers.credentials.transport import Transport
from servers.http.request_keys import CALLER
from servers.http.responses import error

#: Returns the current identity of an account; None if it does not exist or is blocked.
Current = Callable[[str], Awaitable[Identity | None]]

#: When a change takes effect for existing credentials.
Effect = Literal["at once", "at next issue"]

#: Requirements of docs/security.md that a scheme may waive; tests then prove that the attack succeeds.
Requirement = Literal[
    "absolute timeout",
    "cookie removal under TLS",
    "end of the replaced session",
    "hashed ids",
    "idle timeout",
    "ids of 128 random bits",
    "no lost update",
    "no resurrection",
    "planted cookies",
    "store outage",
]


class Backend(Protocol):
    """Storage of a scheme outside of this process."""

    async def check(self) -> None:
        """Write, read and delete as requests do; raise `web.HTTPServiceUnavailable` if that fails."""

    async def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True)
class Promises:
    """Guarantees of a scheme, checked for each scheme by `tests/servers/test_promises.py`.

    Attributes:
        logout: When a logged-out credential stops working.
        role_change: When a change of role takes effect for a credential.
        block: When a block takes effect: for existing credentials, or only at the next login.
        password_change: When the other credentials of an account stop working after a password change.
        store: Requests that need the store.
        minted_elsewhere: Whether a process that shares no secret with this one can issue credentials.
        verified_elsewhere: Whether a process that cannot issue credentials can verify them.
        database: Requests that read the accounts, or an equivalent table.
        idle_timeout: What expires if it is not used for `contract.IDLE_TIMEOUT_S`.
    """

    logout: Literal["at once", "at expiry", "never"]
    role_change: Effect
    block: Effect
    password_change: Effect
    store: Literal["every request", "some", "none"]
    minted_elsewhere: bool = False
    verified_elsewhere: bool = False
    database: Literal["every request", "logins and writes"] = "logins and writes"
    idle_timeout: Literal["credential", "refresh token", "none"] = "none"


#: Credentials that are looked up in the store on every request, and so can be revoked there.
SERVER_SIDE: Final = Promises(
    logout="at once",
    role_change="at once",
    block="at once",
    password_change="at once",  # noqa: S106 - not a password
    store="every request",
    idle_timeout="credential",
)

#: Self-contained credentials, which stay valid until they expire.
SELF_CONTAINED: Final = Promises(
    logout="at expiry",
    role_change="at next issue",
    block="at next issue",
    password_change="at next issue",  # noqa: S106 - not a password
    store="none",
)


@dataclass(frozen=True)
class About:
    """Description of a scheme, as printed by `python -m servers --list`.

    Attributes:
        title: One-line description.
        transport: Transport of its credentials.
        promises: Revocation guarantees.
        read_path: Path that a load test should read.
        read_command: Store command that a restricted read sends once; empty if it sends none.
        key_pair: Algorithm of the key pair that its processes share; empty for a shared secret.
        lifetime_s: Default lifetime of a credential in seconds.
        waives: Security requirements that it does not meet, and a production scheme must.
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
    """Way to authenticate callers.

    A method that needs the store raises `web.HTTPServiceUnavailable` if the store does not answer.

    Args:
        transport: Transport of the credentials.
        backend: Storage outside of this process; None if the scheme has none.
    """

    def __init__(self, transport: Transport, backend: Backend | None = None) -> None:
        self._transport = transport
        self._backend = backend

    def setup(self, app: web.Application) -> None:
        """Add to `app` what the scheme needs besides the handlers."""
        app.cleanup_ctx.append(self._connections)

    async def ready(self) -> None:
        """Return if the scheme can serve.

        Raises:
            web.HTTPServiceUnavailable: The backend does not answer, or refuses what requests need.
        """
        if self._backend is not None:
            await self._backend.check()

    @abc.abstractmethod
    async def identify(self, request: web.Request) -> Identity:
        """Return the caller's identity.

        Raises:
            web.HTTPUnauthorized: The request has no credential, or an invalid one.
            web.HTTPForbidden: The method is unsafe and the CSRF token is missing or wrong.
        """

    @abc.abstractmethod
    async def issue(
        self, request: web.Request, response: web.StreamResponse, identity: Identity
    ) -> dict[str, str | int]:
        """Issue a new credential for `identity`, on `response` or in the returned fields.

        A credential in `request` is revoked if the scheme can.
        """

    async def update(self, request: web.Request, identity: Identity) -> None:
        """Update the credential in `request` to `identity`, if the scheme can."""

    async def revoke(self, request: web.Request, response: web.StreamResponse) -> None:
        """Revoke the credential in `request`, or issued in response to it, if the scheme can."""

    async def log_out(self, request: web.Request, response: web.StreamResponse) -> None:
        """Revoke the caller's credential, if the scheme can.

        Raises:
            web.HTTPUnauthorized: The request has no credential, or an invalid one.
            web.HTTPForbidden: The CSRF token is missing or wrong.
        """
        request[CALLER] = await self.identify(request)
        await self.revoke(request, response)

    async def revoke_account(self, account_id: str) -> None:
        """Revoke all credentials of an account, if the scheme can."""

    async def revoke_rights(self, account_id: str) -> None:
        """Remove the previous role from an account's credentials, as soon as the scheme can.

        By default all credentials are revoked, so that a change of role requires a new login.
        """
        await self.revoke_account(account_id)

    def check_issues(self) -> None:
        """Reject the request if this server issues no credentials.

        Raises:
            web.HTTPNotFound: Credentials are issued elsewhere.
        """

    def check_login_origin(self, request: web.Request) -> None:
        """Reject a login that a page of another site sent.

        Raises:
            web.HTTPForbidden: A page of another site sent the request.
        """
        self._transport.check_login_origin(request)

    async def csrf_token(self, request: web.Request) -> str:
        """Return the CSRF token that must accompany unsafe requests of an identified caller.

        Raises:
            web.HTTPNotFound: The scheme needs none, because browsers do not send its credentials themselves.
        """
        raise error(web.HTTPNotFound, "not_offered")

    async def refresh(self, refresh_token: str, current: Current) -> dict[str, str | int]:
        """Return a new pair of tokens.

        Args:
            refresh_token: Refresh token from an earlier response.
            current: Function that returns the current identity of an account.

        Raises:
            web.HTTPNotFound: The scheme has no refresh tokens.
            web.HTTPUnauthorized: The token is invalid or was used before, or its account is blocked.
        """
        raise error(web.HTTPNotFound, "not_offered")

    def unauthorized(self, code: str) -> web.HTTPUnauthorized:
        """Return the 401 for a request without a credential, or a login that failed."""
        return self._transport.unauthorized(code)

    def forbidden(self) -> web.HTTPForbidden:
        """Return the 403 for a caller who lacks the role."""
        return self._transport.forbidden()

    async def _connections(self, _: web.Application) -> AsyncIterator[None]:
        yield
        if self._backend is not None:
            await self._backend.close()
