"""JSON Web Tokens as RFC 8725 and RFC 9068 would have them: what is signed, and what is checked."""

import secrets
import time
from typing import Any, Final

import jwt

from servers import contract
from servers.credentials.identity import Identity
from servers.signing_keys import Keyring, SigningKey

ISSUER: Final = "cookies-vs-tokens"

#: What kind of JWT these are, so that one made for another purpose does not pass (RFC 8725 section 3.11).
TYPE: Final = "at+jwt"

#: Random bytes of a token's own id, `jti`.
ID_BYTES: Final = 16

_REQUIRED: Final = ["exp", "iat", "iss", "aud", "jti", *contract.IDENTITY_FIELDS]


class InvalidTokenError(Exception):
    """A token is not one of ours, or not now."""


class Tokens:
    """Signs and checks tokens.

    Args:
        keyring: The keys.
        scheme: Its name makes the audience: what one scheme promises of its tokens' end, another that shares
            the secret may not keep.
        lifetime_s: Seconds that a token lives; None for `contract.ABSOLUTE_TIMEOUT_S`.
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
        """Return what a new token says that is for `identity`."""
        now = int(time.time())
        return identity._asdict() | {
            "iss": ISSUER,
            "aud": self._audience,
            "iat": now,
            "exp": now + self.lifetime_s,
            "jti": secrets.token_urlsafe(ID_BYTES),
        }

    def sign(self, claims: dict[str, Any]) -> str:
        """Return the token that says `claims`; only where `can_sign`."""
        headers = {"typ": TYPE, "kid": self._signing_key.name}
        return jwt.encode(claims, self._signing_key.signs, algorithm=self._algorithm, headers=headers)

    def mint(self, identity: Identity) -> str:
        """Return a token for `identity`."""
        return self.sign(self.claims(identity))

    def verify(self, token: str) -> dict[str, Any]:
        """Return the claims of `token`.

        Raises:
            InvalidTokenError: It is malformed, signed by another key or algorithm, of another kind, issuer
                or audience, lacks a claim, has expired or is not valid yet.
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
        if len(self._keys) == 1:  # spares reading the header twice
            return self._signing_key
        return self._keys[jwt.get_unverified_header(token)["kid"]]
