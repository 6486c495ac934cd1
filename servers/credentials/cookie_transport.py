"""Credentials in a cookie: attributes, reading and rejecting, and protection against cross-site requests."""

# ruff: noqa: D102 - servers.credentials.transport documents the methods

import hashlib
import hmac
from typing import Final

from aiohttp import hdrs, web
from itsdangerous import Signer

from servers import contract
from servers.credentials.transport import Transport
from servers.http.responses import error
from servers.settings import Settings

#: Safe methods (RFC 9110 section 9.2.1), which need no CSRF token.
SAFE_METHODS: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})


def cookie_value(request: web.Request, name: str) -> str | None:
    """Return the value of the cookie `name`; None unless the request has exactly one cookie of that name.

    `request.cookies` also ends a pair at white space, strips all of Unicode's spaces from a name, and takes
    the last of several cookies. A sibling host can use that: it plants a cookie for the whole domain that has
    another name to browsers, and this one to the server. So only `;` separates pairs here, and only spaces
    and tabs are stripped (RFC 6265 section 5.4).
    """
    begin = f"{name}="
    values = [
        pair[len(begin) :]
        for header in request.headers.getall(hdrs.COOKIE, ())
        for text in header.split(";")
        if (pair := text.strip(" \t")).startswith(begin)
    ]
    if len(values) != 1:
        return None
    value = values[0]
    is_quoted = len(value) > 1 and value[0] == value[-1] == '"'  # as http.cookies writes a value with `=`
    return value[1:-1] if is_quoted else value


class CookieTransport(Transport):
    """Transport in a cookie that scripts cannot read and other sites cannot use.

    Args:
        scheme: Name of the scheme, part of the cookie's name, because all ports of a host share cookies.
        settings: Settings of the server. CSRF keys are derived from the secrets; behind TLS the cookie is
            bound to https and to this host.
    """

    def __init__(self, scheme: str, settings: Settings) -> None:
        super().__init__(settings.max_credential_bytes)
        self._behind_tls = settings.behind_tls
        self.name: Final = f"__Host-{scheme}-session" if self._behind_tls else f"{scheme}-session"
        self._allow_origins = frozenset(settings.allow_origins)
        self._signers = [
            Signer(secret, salt="csrf", key_derivation="hmac", digest_method=hashlib.sha256)
            for secret in settings.secrets
        ]

    def read(self, request: web.Request) -> str:
        credential = self.carried(request)
        if credential is None:
            raise self.unauthorized("not_authenticated")
        return credential

    def carried(self, request: web.Request) -> str | None:
        credential = cookie_value(request, self.name)
        if not credential or len(credential) > self._max_bytes or not credential.isascii():
            return None
        return credential

    def hand_out(
        self, response: web.StreamResponse, credential: str, lifetime_s: int, binding: str
    ) -> dict[str, str | int]:
        self.set(response, credential, lifetime_s)
        return {"csrf_token": self.csrf_token(binding)}

    def set(self, response: web.StreamResponse, credential: str, lifetime_s: int) -> None:
        """Set the cookie to `credential`, with the credential's lifetime."""
        response.set_cookie(
            self.name,
            credential,
            max_age=lifetime_s,
            path="/",
            secure=self._behind_tls,
            httponly=True,
            samesite="Lax",
        )

    def remove(self, response: web.StreamResponse) -> None:
        response.del_cookie(self.name, path="/", secure=self._behind_tls, httponly=True, samesite="Lax")

    def csrf_token(self, binding: str) -> str:
        return self._signers[0].get_signature(binding).decode()

    def check_csrf(self, request: web.Request, binding: str) -> None:
        if request.method in SAFE_METHODS:
            return
        presented = request.headers.get(contract.CSRF_HEADER, "").encode(errors="replace")
        # Compared as text: Signer decodes first, and several texts decode to the same signature.
        if not any(hmac.compare_digest(presented, signer.get_signature(binding)) for signer in self._signers):
            raise error(web.HTTPForbidden, "csrf")

    def check_login_origin(self, request: web.Request) -> None:
        """Reject logins from other sites, which could log a user in to an attacker's account (login CSRF).

        Browsers set both headers and pages cannot change them; other clients send neither.

        Raises:
            web.HTTPForbidden: The request came from an origin that is neither this server's nor allowed.
        """
        if request.headers.get(hdrs.ORIGIN) in self._allow_origins:
            return
        scheme = "https" if self._behind_tls else request.scheme
        server_origin = f"{scheme}://{request.host}"
        if (
            request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")
            or request.headers.get(hdrs.ORIGIN, server_origin) != server_origin
        ):
            raise error(web.HTTPForbidden, "csrf")

    def unauthorized(self, code: str) -> web.HTTPUnauthorized:
        return error(web.HTTPUnauthorized, code, {hdrs.WWW_AUTHENTICATE: 'Cookie realm="api"'})

    def invalid(self) -> web.HTTPUnauthorized:
        return self.unauthorized("not_authenticated")

    def forbidden(self) -> web.HTTPForbidden:
        return error(web.HTTPForbidden, "forbidden")
