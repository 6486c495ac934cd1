"""The keys that sign and verify tokens, and the names (`kid`) by which a token says which one signed it."""

import argparse
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from servers.errors import UsageError
from servers.settings import MIN_SECRET_BYTES, Settings

#: Characters of a key's name.
_NAME_LENGTH: Final = 16

#: Bits that an RSA key must have at least (RFC 7518 section 3.3).
_MIN_RSA_BITS: Final = 2048

_PUBLIC_PEM: Final = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


class SigningKey(NamedTuple):
    """A key by its name, which tells nothing about it.

    Attributes:
        name: What a token's header calls it.
        signs: What signs; None for a key that verifies only.
        verifies: What verifies.
    """

    name: str
    signs: Any
    verifies: Any


@dataclass(frozen=True)
class Keyring:
    """Keys of one algorithm, as PyJWT takes them. The first signs, if it can; all verify, to overlap.

    Attributes:
        algorithm: Its name in RFC 7518 or RFC 8037; tokens by any other are refused.
        keys: At least one.
    """

    algorithm: str
    keys: tuple[SigningKey, ...]


def shared(secrets: Sequence[bytes]) -> Keyring:
    """Return keys for HS256, which whoever verifies must share.

    Raises:
        UsageError: A secret is shorter than HS256 needs.
    """
    if any(len(secret) < MIN_SECRET_BYTES for secret in secrets):
        raise UsageError(f"A secret shorter than {MIN_SECRET_BYTES} bytes cannot sign tokens.")
    keys = [SigningKey(_name(b"kid:" + secret), secret, secret) for secret in secrets]
    return Keyring("HS256", tuple(keys))


def pair(algorithm: str, settings: Settings) -> Keyring:
    """Return the key that signs, which no one else needs, and all those whose signatures are believed.

    Settings that name no key get a random one, for this process alone. Settings that name public keys only
    get a keyring that signs nothing.

    Args:
        algorithm: One of `ALGORITHMS`.
        settings: The keys as PEM: a private one (PKCS 8), and public ones (SubjectPublicKeyInfo).

    Raises:
        UsageError: A key cannot be read, or is none for the algorithm.
    """
    # Half a second of imports that servers with a shared secret do without.
    from cryptography.hazmat.primitives.serialization import (
        load_pem_private_key,
        load_pem_public_key,
    )

    kind = ALGORITHMS[algorithm]
    try:
        publics = [load_pem_public_key(pem) for pem in _PUBLIC_PEM.findall(settings.public_keys)]
        private = load_pem_private_key(settings.private_key, None) if settings.private_key else None
    except (ValueError, TypeError) as error:  # the latter for one that is encrypted
        raise UsageError("A key cannot be read: give PEM without a password, PKCS 8 or public.") from error
    if settings.public_keys and not publics:
        raise UsageError("AUTH_PUBLIC_KEYS holds no public key in PEM.")
    if private is None and not publics:
        private = kind.generate()
    keys = [] if private is None else [_asymmetric(private.public_key(), private)]
    keys += [_asymmetric(public, None) for public in publics]
    if not all(kind.fits(key.verifies) for key in keys):
        raise UsageError(f"A key is none for {algorithm}, which needs {kind.needs}.")
    return Keyring(algorithm, tuple(keys))


def _asymmetric(public: Any, private: Any) -> SigningKey:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return SigningKey(
        _name(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)), private, public
    )


def _name(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_NAME_LENGTH]


class _Kind(NamedTuple):
    """What an algorithm needs of a key, how to make one, and how to tell one."""

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


#: The algorithms whose keys come in pairs.
ALGORITHMS: Final[Mapping[str, _Kind]] = {
    "RS256": _Kind(f"RSA with at least {_MIN_RSA_BITS} bits", _new_rsa, _is_rsa),
    "ES256": _Kind("the curve P-256", _new_p256, _is_p256),
    "EdDSA": _Kind("the curve Ed25519", _new_ed25519, _is_ed25519),
}


def new_private_key(algorithm: str) -> bytes:
    """Return a new key for `algorithm` as `AUTH_PRIVATE_KEY` takes it."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem: bytes = (
        ALGORITHMS[algorithm].generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return pem


def main() -> None:
    """Print a new private key, as AUTH_PRIVATE_KEY takes it."""
    parser = argparse.ArgumentParser(prog="python -m servers.signing_keys", description=main.__doc__)
    parser.add_argument("algorithm", choices=ALGORITHMS, help="what it shall sign by")
    print(new_private_key(parser.parse_args().algorithm).decode(), end="")


if __name__ == "__main__":
    main()
