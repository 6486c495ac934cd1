"""JSON Web Tokens that follow RFC 8725 and RFC 9068: claims, signing and verification."""

import secrets
import time
from typing import Any, Final

import jwt

from servers import contract
from servers.credentials.identity import Identity
from servers.signing_keys import Keyring, SigningKey

ISSUER: Final = "cookies-vs-tokens"

#: Type of these JWTs, so that JWTs for other purposes are rejected (RFC 8725 section 3.11).
TYPE: Final = "at+jwt"

#: Random bytes of a token's id, `jti`.
ID_BYTES: Final = 16

_REQUIRED: Final = ["exp", "iat", "iss", "aud", "jti", *contract.IDENTITY_FIELDS]


class InvalidTokenError(Exception):
    """Token that was not issued by this scheme, or is not valid now."""


class Tokens:
    """Signer and verifier of tokens.

    Args:
        keyring: Keys to sign and verify with.
        scheme: Name of the scheme, part of the audience because schemes that share a secret may differ in
            their revocation guarantees.
        lifetime_s: Lifetime of a token in seconds; None for `contract.ABSOLUTE_TIMEOUT_S`.
    """

    def __init__(self, keyring: Keyring, scheme: str, lifetime_s: int | None = None) -> None:
        self._audience = f"{ISSUER}/{scheme}"
        self.lifetime_s: Final = lifetime_s or contract.ABSOLUTE_TIMEOUT_S
        self._algorithm = keyring.algorithm
        self._algorithms = [keyring.algorithm]
        self._keys = {key.name: key for key in keyring.keys}
        self._signing_key = keyring.keys[0]
        self.can_sign: Final = self._signing_key.signs is not None

    def claims(self, identity: Identity) -> dict[str, Any]:
        """Return the claims of a new token for `identity`."""
        now = int(time.time())
        return identity._asdict() | {
            "iss": ISSUER,
            "aud": self._audience,
            "iat": now,
            "exp": now + self.lifetime_s,
            "jti": secrets.token_urlsafe(ID_BYTES),
        }

    def sign(self, claims: dict[str, Any]) -> str:
        """Return a signed token with `claims`; requires `can_sign`."""
        headers = {"typ": TYPE, "kid": self._signing_key.name}
        return jwt.encode(claims, self._signing_key.signs, algorithm=self._algorithm, headers=headers)

    def verify(self, token: str) -> dict[str, Any]:
        """Return the claims of `token`.

        Raises:
            InvalidTokenError: The token is malformed, signed by another key or algorithm, of another type,
                issuer or audience, lacks a claim, has expired or is not valid yet.
        """
        try:
            key = self._key_of(token)
            decoded = jwt.decode_complete(
                token,
                key.verifies,
                algorithms=self._algorithms,
                issuer=ISSUER,
                audience=self._audience,
                options={"require": _REQUIRED},
            )
        except (jwt.InvalidTokenError, KeyError):
            raise InvalidTokenError from None
        header = decoded["header"]
        if header.get("typ") != TYPE or header.get("kid") != key.name:
            raise InvalidTokenError
        claims: dict[str, Any] = decoded["payload"]
        return claims

    def _key_of(self, token: str) -> SigningKey:
        if len(self._keys) == 1:  # avoids parsing the header twice
            return self._signing_key
        return self._keys[jwt.get_unverified_header(token)["kid"]]
