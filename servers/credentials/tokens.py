"""JSON Web Tokens that follow RFC 8725 and RFC 9068: claims, signing and verification."""

import functools
import secrets
import time
from typing import Any, Final

import jwt
from jwt.algorithms import HMACAlgorithm

from servers import contract
from servers.credentials.identity import Identity
from servers.signing_keys import Keyring, SigningKey

ISSUER: Final = "cookies-vs-tokens"

#: Type of these JWTs, so that JWTs for other purposes are rejected (RFC 8725 section 3.11).
TYPE: Final = "at+jwt"

#: Random bytes of a token's id, `jti`.
ID_BYTES: Final = 16

#: Seconds by which the clocks of two machines may differ: a token is accepted so much before and after its
#: times, but by no more than a part of its lifetime.
LEEWAY_S: Final = 5
LEEWAY_PART: Final = 1 / 60

_REQUIRED: Final = ["exp", "iat", "iss", "aud", "jti", *contract.IDENTITY_FIELDS]


class InvalidTokenError(Exception):
    """Token that was not issued by this scheme, or is not valid now."""


class PreparedHS256(HMACAlgorithm):
    """HS256 that prepares each key once, since the secrets of this process are few and do not change.

    PyJWT checks at each verification that a key is not a public key in PEM, DER or JSON, which takes longer
    than the signature itself.
    """

    def __init__(self) -> None:
        super().__init__(HMACAlgorithm.SHA256)
        self._prepare = functools.cache(super().prepare_key)

    def prepare_key(self, key: str | bytes) -> bytes:
        """Return the key as PyJWT prepares it."""
        return self._prepare(key)


# PyJWT's public way to replace an algorithm; it holds for the whole process.
jwt.unregister_algorithm("HS256")
jwt.register_algorithm("HS256", PreparedHS256())


class Tokens:
    """Signer and verifier of tokens.

    Args:
        keyring: Keys to sign and verify with.
        scheme: Name of the scheme, part of the audience because schemes that share a secret may differ in
            their revocation guarantees.
        lifetime_s: Lifetime of a token in seconds; None for `contract.ABSOLUTE_TIMEOUT_S`.
    """

    def __init__(self, keyring: Keyring, scheme: str, lifetime_s: int | None = None) -> None:
        self.lifetime_s: Final = lifetime_s or contract.ABSOLUTE_TIMEOUT_S
        self._audience: Final = f"{ISSUER}/{scheme}"
        self._leeway_s: Final = min(LEEWAY_S, int(self.lifetime_s * LEEWAY_PART))
        self._algorithm: Final = keyring.algorithm
        self._keys: Final = {key.name: key for key in keyring.keys}
        self._signing_key: Final = keyring.keys[0]
        #: Keys by the encoded header of their tokens, so that no header is parsed twice.
        self._by_header: Final = {
            jwt.encode({}, key.signs, self._algorithm, self._header(key)).partition(".")[0]: key
            for key in keyring.keys
            if key.signs is not None
        }
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
        return jwt.encode(claims, self._signing_key.signs, self._algorithm, self._header(self._signing_key))

    def verify(self, token: str) -> dict[str, Any]:
        """Return the claims of `token`.

        Raises:
            InvalidTokenError: The token is malformed, signed by another key or algorithm, of another type,
                issuer or audience, lacks a claim or has one of another type, has expired or is not valid yet.
        """
        try:
            key = self._key_of(token)
            decoded = jwt.decode_complete(
                token,
                key.verifies,
                algorithms=[self._algorithm],
                issuer=ISSUER,
                audience=self._audience,
                leeway=self._leeway_s,
                options={"require": _REQUIRED},
            )
        except (jwt.InvalidTokenError, KeyError):
            raise InvalidTokenError from None
        if decoded["header"].get("kid") != key.name:
            raise InvalidTokenError
        return self._checked(decoded["header"], decoded["payload"])

    def _checked(self, header: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
        """Return the claims of a token with a valid signature and valid registered claims.

        Raises:
            InvalidTokenError: The token is of another type, or a claim of the identity is missing or no text.
        """
        if header.get("typ") != TYPE or not all(
            isinstance(claims.get(name), str) for name in contract.IDENTITY_FIELDS
        ):
            raise InvalidTokenError
        return claims

    def _key_of(self, token: str) -> SigningKey:
        key = self._by_header.get(token.partition(".")[0])
        if key is None:  # of another issuer, with its own way to write a header
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
        return key

    def _header(self, key: SigningKey) -> dict[str, str]:
        return {"typ": TYPE, "kid": key.name}
