"""What one server is told from outside; secrets come from the environment or a file, never from arguments."""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from servers.errors import CannotStartError, UsageError

#: Bytes that an HS256 key must have at least (RFC 7518 section 3.2).
MIN_SECRET_BYTES: Final = 32

#: Bytes of the longest credential that is looked at; a longer one is refused unread.
MAX_CREDENTIAL_BYTES: Final = 4096

DEFAULT_KEY_PREFIX: Final = "cookies-vs-tokens:"

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}")


@dataclass(frozen=True)
class Settings:
    """Settings of one server process.

    Attributes:
        accounts_file: The SQLite file with the accounts.
        secret: Key for signatures, at least `MIN_SECRET_BYTES` long.
        redis_url: Where the store is, for the schemes that need one; empty otherwise.
        key_prefix: What every key in the store begins with.
        password_cost: Name of a profile in `servers.passwords.COSTS`.
        behind_tls: Whether browsers reach this server by https, through a proxy.
        max_credential_bytes: Longest credential that is looked at.
    """

    accounts_file: Path
    secret: bytes = field(repr=False)
    redis_url: str = field(default="", repr=False)
    key_prefix: str = DEFAULT_KEY_PREFIX
    password_cost: str = "owasp"  # noqa: S105 - the name of a profile
    behind_tls: bool = False
    max_credential_bytes: int = MAX_CREDENTIAL_BYTES


def read_secret(environ: Mapping[str, str]) -> bytes | None:
    """Return the secret that AUTH_SECRET or the file AUTH_SECRET_FILE holds, None where neither is set.

    Raises:
        UsageError: The secret is shorter than `MIN_SECRET_BYTES`.
        CannotStartError: The file cannot be read.
    """
    if "AUTH_SECRET" in environ:
        return parse_secret(environ["AUTH_SECRET"].encode(), "AUTH_SECRET")
    if "AUTH_SECRET_FILE" in environ:
        path = Path(environ["AUTH_SECRET_FILE"])
        try:
            return parse_secret(path.read_bytes(), "the file that AUTH_SECRET_FILE names")
        except OSError as error:
            raise CannotStartError(f"AUTH_SECRET_FILE cannot be read: {error.strerror}.") from None
    return None


def parse_secret(text: bytes, source: str) -> bytes:
    """Return the key that `text` is: decoded where it is base64url of enough bytes, as it stands otherwise.

    Raises:
        UsageError: Either way it is shorter than `MIN_SECRET_BYTES`.
    """
    text = text.strip()
    for candidate in (_from_base64url(text), text):
        if len(candidate) >= MIN_SECRET_BYTES:
            return candidate
    raise UsageError(
        f"The secret in {source} is shorter than {MIN_SECRET_BYTES} bytes; make a good one with "
        '`python -c "import secrets; print(secrets.token_urlsafe(32))"`.'
    )


def new_secret() -> bytes:
    """Return a random secret, for a server that shares it with no other process."""
    return secrets.token_bytes(MIN_SECRET_BYTES)


def _from_base64url(text: bytes) -> bytes:
    if not _BASE64URL.fullmatch(text.decode("latin-1")):
        return b""
    try:
        return base64.urlsafe_b64decode(text.rstrip(b"=") + b"=" * (-len(text.rstrip(b"=")) % 4))
    except binascii.Error:
        return b""
