"""Credentials in the Authorization header (RFC 6750): reading, issuing and rejecting them."""

# ruff: noqa: ARG002, D102 - servers.credentials.transport documents the methods and their arguments

from typing import Final

from aiohttp import hdrs, web

from servers.credentials.transport import Transport
from servers.http.responses import error

_CHALLENGE: Final = 'Bearer realm="api"'


class BearerTransport(Transport):
    """Transport as `Authorization: Bearer ...`, which browsers do not add automatically."""

    def read(self, request: web.Request) -> str:
        kind, _, credential = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if kind.lower() != "bearer" or not credential:
            raise self.unauthorized("not_authenticated")
        if len(credential) > self._max_bytes or not credential.isascii():
            raise self.invalid()
        return credential

    def hand_out(
        self, response: web.StreamResponse, credential: str, lifetime_s: int, binding: str
    ) -> dict[str, str | int]:
        return {"token": credential, "token_type": "Bearer", "expires_in": lifetime_s}  # RFC 6750 section 4

    def unauthorized(self, code: str) -> web.HTTPUnauthorized:
        return error(web.HTTPUnauthorized, code, {hdrs.WWW_AUTHENTICATE: _CHALLENGE})

    def invalid(self) -> web.HTTPUnauthorized:
        challenge = f'{_CHALLENGE}, error="invalid_token"'
        return error(web.HTTPUnauthorized, "invalid_token", {hdrs.WWW_AUTHENTICATE: challenge})

    def forbidden(self) -> web.HTTPForbidden:
        challenge = f'{_CHALLENGE}, error="insufficient_scope"'
        return error(web.HTTPForbidden, "insufficient_scope", {hdrs.WWW_AUTHENTICATE: challenge})
