"""Credentials in the Authorization header (RFC 6750): how they are read, handed out and refused."""

from typing import Final

from aiohttp import hdrs, web

from servers.answers import error

_CHALLENGE: Final = 'Bearer realm="api"'


class BearerTransport:
    """Carries credentials as `Authorization: Bearer ...`.

    Args:
        max_bytes: Longest credential that is looked at.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes

    def read(self, request: web.Request) -> str:
        """Return the credential that `request` carries.

        Raises:
            web.HTTPUnauthorized: It carries none, or one that cannot be ours.
        """
        kind, _, credential = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if kind.lower() != "bearer" or not credential:
            raise self.unauthorized("not_authenticated")
        if len(credential) > self._max_bytes or not credential.isascii():
            raise self.invalid()
        return credential

    def hand_out(self, credential: str, lifetime_s: int) -> dict[str, str | int]:
        """Return the fields of RFC 6750 section 4 that give a caller `credential`."""
        return {"token": credential, "token_type": "Bearer", "expires_in": lifetime_s}

    def unauthorized(self, code: str) -> web.HTTPUnauthorized:
        """Return the 401 that asks for a credential and calls none bad."""
        return error(web.HTTPUnauthorized, code, {hdrs.WWW_AUTHENTICATE: _CHALLENGE})

    def invalid(self) -> web.HTTPUnauthorized:
        """Return the 401 for a credential that is wrong, expired or ended."""
        challenge = f'{_CHALLENGE}, error="invalid_token"'
        return error(web.HTTPUnauthorized, "invalid_token", {hdrs.WWW_AUTHENTICATE: challenge})

    def forbidden(self) -> web.HTTPForbidden:
        """Return the 403 for a good credential of a caller without the role."""
        challenge = f'{_CHALLENGE}, error="insufficient_scope"'
        return error(web.HTTPForbidden, "insufficient_scope", {hdrs.WWW_AUTHENTICATE: challenge})
