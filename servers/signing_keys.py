"""Keys that sign and verify tokens, and their names (`kid`), by which a token identifies its key."""

import argparse
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from servers.errors import UsageError
from servers.settings import MIN_SECRET_BYTES, Settings

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
        load_pem_private_key,
        load_pem_public_key,
    )

    kind = ALGORITHMS[algorithm]
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
    keys = [] if private is None else [_asymmetric(private.public_key(), private)]
    keys += [_asymmetric(public, None) for public in publics]
    if not all(kind.fits(key.verifies) for key in keys):
        raise UsageError(f"A key does not fit {algorithm}, which needs {kind.needs}.")
    return Keyring(algorithm, tuple(keys))


def _asymmetric(public: Any, private: Any) -> SigningKey:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return SigningKey(
        _name(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)), private, public
    )


def _name(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_NAME_LENGTH]


class _Kind(NamedTuple):
    """Key requirements of an algorithm: description, generator and check."""

    needs: str
    generate: Callable[[], Any]
    fits: Callable[[Any], bool]


def _new_rsa() -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=_MIN_RSA_BITS)


def _is_rsa(public: Any) -> bool:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return isinstance(public, rsa.RSAPublicKey) and public.key_size >= _MIN_RSA_BITS


def _new_p256() -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _is_p256(public: Any) -> bool:
    from cryptography.hazmat.primitives.asymmetric import ec

    return isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1)


def _new_ed25519() -> Any:
    from cryptography.hazmat.primitives.asymmetric import ed25519

    return ed25519.Ed25519PrivateKey.generate()


def _is_ed25519(public: Any) -> bool:
    from cryptography.hazmat.primitives.asymmetric import ed25519

    return isinstance(public, ed25519.Ed25519PublicKey)


#: Algorithms with key pairs.
ALGORITHMS: Final[Mapping[str, _Kind]] = {
    "RS256": _Kind(f"RSA with at least {_MIN_RSA_BITS} bits", _new_rsa, _is_rsa),
    "ES256": _Kind("the curve P-256", _new_p256, _is_p256),
    "EdDSA": _Kind("the curve Ed25519", _new_ed25519, _is_ed25519),
}


def new_private_key(algorithm: str) -> bytes:
    """Return a new private key for `algorithm`, in the format of `AUTH_PRIVATE_KEY`."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem: bytes = (
        ALGORITHMS[algorithm].generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return pem


def main() -> None:
    """Print a new private key in the format of AUTH_PRIVATE_KEY."""
    parser = argparse.ArgumentParser(prog="python -m servers.signing_keys", description=main.__doc__)
    parser.add_argument("algorithm", choices=ALGORITHMS, help="signature algorithm")
    print(new_private_key(parser.parse_args().algorithm).decode(), end="")


if __name__ == "__main__":
    main()
