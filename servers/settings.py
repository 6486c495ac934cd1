"""Settings of a server; secrets are read from the environment or a file, never from arguments."""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from servers import contract
from servers.credentials.password_cost import OWASP, Cost
from servers.errors import CannotStartError, UsageError

#: Minimum length of an HS256 key in bytes (RFC 7518 section 3.2).
MIN_SECRET_BYTES: Final = 32

#: Minimum number of different bytes in a secret; random bytes have far more, and `aaa...` has one.
MIN_DISTINCT_BYTES: Final = 8

#: Maximum length of a credential in bytes; longer ones are rejected without being parsed.
MAX_CREDENTIAL_BYTES: Final = 4096

DEFAULT_KEY_PREFIX: Final = "cookies-vs-tokens:"

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}")


@dataclass(frozen=True)
class Settings:
    """Settings of one server process.

    Attributes:
        accounts_file: SQLite file with the accounts.
        secrets: Signature keys, each at least `MIN_SECRET_BYTES` long. The first signs, all verify.
        redis_url: URL of the store; empty for schemes without a store.
        key_prefix: Prefix of all keys in the store.
        password_cost: Cost of password hashes.
        behind_tls: Whether browsers reach this server by https, through a proxy.
        max_credential_bytes: Maximum length of an accepted credential.
        private_key: Signing key as PEM, for schemes with key pairs; empty if none is configured.
        public_keys: Additional trusted public keys as concatenated PEM.
        lookup_url: PostgreSQL database of `token-lookup`; empty for the accounts file.
        lifetime_s: Seconds until a credential expires; None for the scheme's default.
        allow_origins: Additional origins that may call this server, as parsed by `servers.http.cors`.
    """

    accounts_file: Path
    secrets: tuple[bytes, ...] = field(repr=False)
    redis_url: str = field(default="", repr=False)
    key_prefix: str = DEFAULT_KEY_PREFIX
    password_cost: Cost = OWASP
    behind_tls: bool = False
    max_credential_bytes: int = MAX_CREDENTIAL_BYTES
    private_key: bytes = field(default=b"", repr=False)
    public_keys: bytes = b""
    lookup_url: str = field(default="", repr=False)
    lifetime_s: int | None = None
    allow_origins: tuple[str, ...] = ()


def read_secrets(environ: Mapping[str, str]) -> tuple[bytes, ...]:
    """Return the secrets that the environment sets, the signing secret first; empty if it sets none.

    AUTH_SECRET signs and verifies, AUTH_SECRET_PREVIOUS verifies only, so that credentials signed before a
    change of secrets stay valid until they expire. NAME_FILE may name a file instead.

    Raises:
        UsageError: A secret is shorter than `MIN_SECRET_BYTES`, or only the previous one is set.
        CannotStartError: A file cannot be read.
    """
    texts = {name: read_text(environ, name) for name in ("AUTH_SECRET", "AUTH_SECRET_PREVIOUS")}
    secrets = [parse_secret(text, name) for name, text in texts.items() if text is not None]
    if len(secrets) == 1 and texts["AUTH_SECRET"] is None:
        raise UsageError("AUTH_SECRET_PREVIOUS only verifies: set AUTH_SECRET, which signs, too.")
    return tuple(secrets)


def parse_secret(text: bytes, source: str) -> bytes:
    """Return the secret in `text`: decoded if it is base64url of enough bytes, else the bytes themselves.

    Raises:
        UsageError: The secret is shorter than `MIN_SECRET_BYTES` either way, or obviously not random.
    """
    text = text.strip()
    long_enough = [secret for secret in (_from_base64url(text), text) if len(secret) >= MIN_SECRET_BYTES]
    fault = ""
    if not long_enough:
        fault = f"is shorter than {MIN_SECRET_BYTES} bytes"
    elif len(set(text)) < MIN_DISTINCT_BYTES:
        fault = f"has fewer than {MIN_DISTINCT_BYTES} different characters, so it can be guessed"
    if fault:
        raise UsageError(
            f"The secret in {source} {fault}; make a good one with "
            '`python -c "import secrets; print(secrets.token_urlsafe(32))"`.'
        )
    return long_enough[0]


def new_secret() -> bytes:
    """Return a random secret for a server that shares it with no other server."""
    return secrets.token_bytes(MIN_SECRET_BYTES)


def read_lifetime_s(environ: Mapping[str, str]) -> int | None:
    """Return AUTH_LIFETIME_S, the lifetime of a credential in seconds; None if it is not set.

    Raises:
        UsageError: The value is not a whole number from 1 to `contract.ABSOLUTE_TIMEOUT_S`.
    """
    text = environ.get("AUTH_LIFETIME_S")
    if text is None:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= contract.ABSOLUTE_TIMEOUT_S:
        raise UsageError(
            f"AUTH_LIFETIME_S must be a whole number from 1 to {contract.ABSOLUTE_TIMEOUT_S}, not {text!r}."
        )
    return int(text)


def read_text(environ: Mapping[str, str], name: str) -> bytes | None:
    """Return the environment variable `name`, else the content of the file given by `name` + `_FILE`.

    Raises:
        UsageError: The variable or the file is empty, as by a mistake in a deployment.
        CannotStartError: The file cannot be read.
    """
    if name in environ:
        source, text = name, environ[name].encode()
    elif (source := f"{name}_FILE") in environ:
        try:
            text = Path(environ[source]).read_bytes()
        except OSError as error:
            raise CannotStartError(f"{source} cannot be read: {error.strerror}.") from None
    else:
        return None
    if not text.strip():
        raise UsageError(f"{source} is set, but empty: give it a value, or unset it for the default.")
    return text


def _from_base64url(text: bytes) -> bytes:
    if not _BASE64URL.fullmatch(text.decode("latin-1")):
        return b""
    try:
        return base64.urlsafe_b64decode(text.rstrip(b"=") + b"=" * (-len(text.rstrip(b"=")) % 4))
    except binascii.Error:
        return b""
