"""How a credential travels: read from a request, handed out in an answer, refused."""

# ruff: noqa: ARG002, B027 - what only cookies need has a body here, which ignores its arguments

import abc
from typing import ClassVar

from aiohttp import web

from servers.http.responses import error


class Transport(abc.ABC):
    """One way to carry credentials.

    What only a browser's cookies need, since a browser adds those by itself, does nothing here.

    Args:
        max_bytes: Longest credential that is looked at.

    Attributes:
        needs_proof: Whether what changes something needs a proof of who sent it.
    """

    needs_proof: ClassVar[bool] = False

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes

    @abc.abstractmethod
    def read(self, request: web.Request) -> str:
        """Return the credential that `request` carries.

        Raises:
            web.HTTPUnauthorized: It carries none, or one that cannot be ours.
        """

    def carried(self, request: web.Request) -> str | None:
        """Return the credential that `request` carries, None where it carries none that can be ours."""
        try:
            return self.read(request)
        except web.HTTPUnauthorized:
            return None

    @abc.abstractmethod
    def hand_out(
        self, response: web.StreamResponse, credential: str, lifetime_s: int, binding: str
    ) -> dict[str, str | int]:
        """Give the caller `credential`: on `response`, or among the fields that are returned.

        Args:
            response: The answer to a login.
            credential: What shall come with later requests.
            lifetime_s: Seconds that it can live.
            binding: The text that names it, to which a proof of who sent a request is bound.
        """

    def remove(self, response: web.StreamResponse) -> None:
        """Have the caller forget the credential, where the answer can."""

    def check_csrf(self, request: web.Request, binding: str) -> None:
        """Let only a page that could read the answer to the login change something.

        Raises:
            web.HTTPForbidden: The request is no safe one and lacks the proof.
        """

    def csrf_token(self, binding: str) -> str:
        """Return the proof that `check_csrf` asks for.

        Raises:
            web.HTTPNotFound: It asks for none.
        """
        raise error(web.HTTPNotFound, "not_offered")

    def check_login_origin(self, request: web.Request) -> None:
        """Refuse a login that another site's page sent.

        Raises:
            web.HTTPForbidden: Another site's page sent it.
        """

    @abc.abstractmethod
    def unauthorized(self, code: str) -> web.HTTPUnauthorized:
        """Return the 401 that asks for a credential and calls none bad."""

    @abc.abstractmethod
    def invalid(self) -> web.HTTPUnauthorized:
        """Return the 401 for a credential that is wrong, expired or ended."""

    @abc.abstractmethod
    def forbidden(self) -> web.HTTPForbidden:
        """Return the 403 for a good credential of a caller without the role."""
