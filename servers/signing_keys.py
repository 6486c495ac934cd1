"""Keys that sign and verify tokens, and their names (`kid`), by which a token identifies its key."""

import argparse
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from servers.errors import UsageError
from servers.settings import MIN_SECRET_BYTES, Settings

#: Algorithms with key pairs.
ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")

#: Length of a key's name in characters.
_NAME_LENGTH: Final = 16

#: Minimum size of an RSA key in bits (RFC 7518 section 3.3).
_MIN_RSA_BITS: Final = 2048

_PUBLIC_PEM: Final = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


class SigningKey(NamedTuple):
    """Key and its name, which reveals nothing about the key.

    Attributes:
        name: Value of `kid` in a token's header.
        signs: Signing half of the key; None if the key only verifies.
        verifies: Verifying half of the key.
    """

    name: str
    signs: Any
    verifies: Any


@dataclass(frozen=True)
class Keyring:
    """Keys of one algorithm, in PyJWT's form. The first signs, if it can; all verify, to allow rotation.

    Attributes:
        algorithm: Name in RFC 7518 or RFC 8037; tokens signed by any other algorithm are rejected.
        keys: One or more keys.
    """

    algorithm: str
    keys: tuple[SigningKey, ...]


def shared(secrets: Sequence[bytes]) -> Keyring:
    """Return HS256 keys, which every verifier must share.

    Raises:
        UsageError: A secret is shorter than HS256 needs.
    """
    if any(len(secret) < MIN_SECRET_BYTES for secret in secrets):
        raise UsageError(f"A secret shorter than {MIN_SECRET_BYTES} bytes cannot sign tokens.")
    keys = [SigningKey(_name(b"kid:" + secret), secret, secret) for secret in secrets]
    return Keyring("HS256", tuple(keys))


def pair(algorithm: str, settings: Settings) -> Keyring:
    """Return a keyring of the private signing key and all trusted public keys.

    Without any configured key a random one is used, for this process only. With public keys only, the
    keyring cannot sign.

    Args:
        algorithm: One of `ALGORITHMS`.
        settings: Keys as PEM: a private one (PKCS 8), and public ones (SubjectPublicKeyInfo).

    Raises:
        UsageError: A key cannot be read, or does not fit the algorithm.
    """
    # These imports take half a second, which servers with a shared secret are spared.
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
        load_pem_public_key,
    )

    kind = _kind(algorithm)
    try:
        publics = [load_pem_public_key(pem) for pem in _PUBLIC_PEM.findall(settings.public_keys)]
        private = load_pem_private_key(settings.private_key, None) if settings.private_key else None
    except (ValueError, TypeError) as error:  # TypeError: the key is encrypted
        raise UsageError(
            "A key cannot be read: it must be PEM without a password, PKCS 8 or public."
        ) from error
    if settings.public_keys and not publics:
        raise UsageError("AUTH_PUBLIC_KEYS contains no public key in PEM.")
    if private is None and not publics:
        private = kind.generate()
    pairs: list[tuple[Any, Any]] = [] if private is None else [(private, private.public_key())]
    pairs += [(None, public) for public in publics]
    if not all(kind.fits(public) for _, public in pairs):
        raise UsageError(f"A key does not fit {algorithm}, which needs {kind.needs}.")
    keys = [
        SigningKey(_name(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)), signs, public)
        for signs, public in pairs
    ]
    return Keyring(algorithm, tuple(keys))


def _name(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_NAME_LENGTH]


class _Kind(NamedTuple):
    """Key requirements of an algorithm: description, generator and check."""

    needs: str
    generate: Callable[[], Any]
    fits: Callable[[Any], bool]


def _kind(algorithm: str) -> _Kind:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    kinds = {
        "RS256": _Kind(
            f"RSA with at least {_MIN_RSA_BITS} bits",
            lambda: rsa.generate_private_key(public_exponent=65537, key_size=_MIN_RSA_BITS),
            lambda public: isinstance(public, rsa.RSAPublicKey) and public.key_size >= _MIN_RSA_BITS,
        ),
        "ES256": _Kind(
            "the curve P-256",
            lambda: ec.generate_private_key(ec.SECP256R1()),
            lambda public: (
                isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1)
            ),
        ),
        "EdDSA": _Kind(
            "the curve Ed25519",
            ed25519.Ed25519PrivateKey.generate,
            lambda public: isinstance(public, ed25519.Ed25519PublicKey),
        ),
    }
    return kinds[algorithm]


def new_private_key(algorithm: str) -> bytes:
    """Return a new private key for `algorithm`, in the format of `AUTH_PRIVATE_KEY`."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = _kind(algorithm).generate()
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem


def main() -> None:
    """Print a new private key in the format of AUTH_PRIVATE_KEY."""
    parser = argparse.ArgumentParser(prog="python -m servers.signing_keys", description=main.__doc__)
    parser.add_argument("algorithm", choices=ALGORITHMS, help="signature algorithm")
    print(new_private_key(parser.parse_args().algorithm).decode(), end="")


if __name__ == "__main__":
    main()
