"""JSON Web Tokens as RFC 8725 and RFC 9068 would have them: what is signed, and what is checked."""

import hashlib
import secrets
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import jwt

from servers import contract
from servers.errors import UsageError
from servers.identity import Identity
from servers.settings import MIN_SECRET_BYTES

ISSUER: Final = "cookies-vs-tokens"
AUDIENCE: Final = "cookies-vs-tokens/api"

#: What kind of JWT these are, so that one made for another purpose does not pass (RFC 8725 section 3.11).
TYPE: Final = "at+jwt"

#: Random bytes of a token's own id, `jti`.
ID_BYTES: Final = 16

_REQUIRED: Final = ["exp", "iat", "iss", "aud", "jti", *contract.IDENTITY_FIELDS]


class Key(NamedTuple):
    """A secret and its name, `kid`, which tells nothing about it."""

    name: str
    secret: bytes


class InvalidTokenError(Exception):
    """A token is not one of ours, or not now."""


class Tokens:
    """Signs and checks HS256 tokens.

    Args:
        secrets: The keys' bytes. The first signs, all verify, so that keys can be replaced with an overlap.
        lifetime_s: Seconds that a token lives.

    Raises:
        UsageError: A secret is shorter than HS256 needs.
    """

    def __init__(self, secrets: Sequence[bytes], lifetime_s: int = contract.ABSOLUTE_TIMEOUT_S) -> None:
        if any(len(secret) < MIN_SECRET_BYTES for secret in secrets):
            raise UsageError(f"A secret shorter than {MIN_SECRET_BYTES} bytes cannot sign tokens.")
        self.lifetime_s: Final = lifetime_s
        self._keys = {key.name: key for key in map(_key, secrets)}
        self._signing_key = next(iter(self._keys.values()))

    def mint(self, identity: Identity) -> str:
        """Return a token that says `identity`."""
        now = int(time.time())
        claims = identity._asdict() | {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + self.lifetime_s,
            "jti": secrets.token_urlsafe(ID_BYTES),
        }
        headers = {"typ": TYPE, "kid": self._signing_key.name}
        return jwt.encode(claims, self._signing_key.secret, algorithm="HS256", headers=headers)

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
                key.secret,
                algorithms=["HS256"],
                issuer=ISSUER,
                audience=AUDIENCE,
                options={"require": _REQUIRED},
            )
        except (jwt.InvalidTokenError, KeyError):
            raise InvalidTokenError from None
        header = decoded["header"]
        if header.get("typ") != TYPE or header.get("kid") != key.name:
            raise InvalidTokenError
        claims: dict[str, Any] = decoded["payload"]
        return claims

    def _key_of(self, token: str) -> Key:
        if len(self._keys) == 1:  # spares reading the header twice
            return self._signing_key
        return self._keys[jwt.get_unverified_header(token)["kid"]]


def _key(secret: bytes) -> Key:
    return Key(hashlib.sha256(b"kid:" + secret).hexdigest()[:16], secret)
