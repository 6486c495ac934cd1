"""Credentials in a cookie: its attributes, how it is read and refused, and the guard against other sites."""

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

#: Methods that change nothing (RFC 9110 section 9.2.1), and so need no proof of who sent them.
SAFE_METHODS: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})


class CookieTransport(Transport):
    """Carries credentials in a cookie that scripts cannot read and other sites cannot use.

    Args:
        scheme: Name of the scheme. It is in the cookie's name, since all ports of a host share one jar.
        settings: The secrets, from which keys of CSRF tokens are derived; whether browsers come by https, and
            the cookie is bound to https and to this host; the longest credential that is looked at; other
            origins whose pages may log in.
    """

    needs_proof = True

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
        credential = request.cookies.get(self.name)
        if not credential or len(credential) > self._max_bytes or not credential.isascii():
            return None
        return credential

    def hand_out(
        self, response: web.StreamResponse, credential: str, lifetime_s: int, binding: str
    ) -> dict[str, str | int]:
        self.set(response, credential, lifetime_s)
        return {"csrf_token": self.csrf_token(binding)}

    def set(self, response: web.StreamResponse, credential: str, lifetime_s: int) -> None:
        """Have the browser keep `credential` as long as it can live."""
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
        # Compared as text: Signer would decode it first, and several texts decode to the same signature.
        if not any(hmac.compare_digest(presented, signer.get_signature(binding)) for signer in self._signers):
            raise error(web.HTTPForbidden, "csrf")

    def check_login_origin(self, request: web.Request) -> None:
        """Let no other site log its visitors in here, as somebody of its choice (login CSRF).

        Browsers send the two headers by themselves and pages cannot change them; other clients send none.

        Raises:
            web.HTTPForbidden: A page of an origin sent the request that is neither ours nor was named to us.
        """
        if request.headers.get(hdrs.ORIGIN) in self._allow_origins:
            return
        scheme = "https" if self._behind_tls else request.scheme
        own_origin = f"{scheme}://{request.host}"
        if (
            request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")
            or request.headers.get(hdrs.ORIGIN, own_origin) != own_origin
        ):
            raise error(web.HTTPForbidden, "csrf")

    def unauthorized(self, code: str) -> web.HTTPUnauthorized:
        return error(web.HTTPUnauthorized, code, {hdrs.WWW_AUTHENTICATE: 'Cookie realm="api"'})

    def invalid(self) -> web.HTTPUnauthorized:
        return self.unauthorized("not_authenticated")

    def forbidden(self) -> web.HTTPForbidden:
        return error(web.HTTPForbidden, "forbidden")
