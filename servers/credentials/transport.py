"""Interface of credential transports: read from requests, hand out in responses, reject."""

# ruff: noqa: ARG002, B027 - methods that only cookies need have a default here that ignores its arguments

import abc

from aiohttp import web

from servers.http.responses import error


class Transport(abc.ABC):
    """Way to carry credentials.

    CSRF checks do nothing by default: only cookies need them, because browsers add cookies automatically.

    Args:
        max_bytes: Maximum length of an accepted credential.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes

    @abc.abstractmethod
    def read(self, request: web.Request) -> str:
        """Return the credential in `request`.

        Raises:
            web.HTTPUnauthorized: There is no credential, or it cannot have been issued by this server.
        """

    def carried(self, request: web.Request) -> str | None:
        """Return the credential in `request`; None if `read` would reject the request."""
        try:
            return self.read(request)
        except web.HTTPUnauthorized:
            return None

    @abc.abstractmethod
    def hand_out(
        self, response: web.StreamResponse, credential: str, lifetime_s: int, binding: str
    ) -> dict[str, str | int]:
        """Hand out `credential`, on `response` or in the returned fields.

        Args:
            response: Response to the login.
            credential: Credential for later requests.
            lifetime_s: Lifetime of the credential in seconds.
            binding: Text that identifies the credential, to which the CSRF token is bound.
        """

    def remove(self, response: web.StreamResponse) -> None:
        """Remove the credential from the caller, if the response can."""

    def check_csrf(self, request: web.Request, binding: str) -> None:
        """Reject unsafe requests without the CSRF token, which only a page that could read the login has.

        Raises:
            web.HTTPForbidden: The method is unsafe and the CSRF token is missing or wrong.
        """

    def csrf_token(self, binding: str) -> str:
        """Return the CSRF token that `check_csrf` requires.

        Raises:
            web.HTTPNotFound: The transport requires none.
        """
        raise error(web.HTTPNotFound, "not_offered")

    def check_login_origin(self, request: web.Request) -> None:
        """Reject a login that a page of another site sent.

        Raises:
            web.HTTPForbidden: A page of another site sent the request.
        """

    @abc.abstractmethod
    def unauthorized(self, code: str) -> web.HTTPUnauthorized:
        """Return the 401 that requests a credential without reporting an invalid one."""

    @abc.abstractmethod
    def invalid(self) -> web.HTTPUnauthorized:
        """Return the 401 for a credential that is wrong, expired or revoked."""

    @abc.abstractmethod
    def forbidden(self) -> web.HTTPForbidden:
        """Return the 403 for a valid credential without the required role."""
