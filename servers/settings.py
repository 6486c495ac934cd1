"""What one server is told from outside; secrets come from the environment or a file, never from arguments."""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from servers import contract
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
        secrets: Keys for signatures, each at least `MIN_SECRET_BYTES` long. The first signs, all verify.
        redis_url: Where the store is, for the schemes that need one; empty otherwise.
        key_prefix: What every key in the store begins with.
        password_cost: Name of a profile in `servers.credentials.passwords.COSTS`.
        behind_tls: Whether browsers reach this server by https, through a proxy.
        max_credential_bytes: Longest credential that is looked at.
        private_key: PEM of the key that signs, for schemes with key pairs; empty where none is given.
        public_keys: PEM of further keys whose signatures are believed, one after the other.
        lookup_url: The PostgreSQL in which `token-lookup` looks; empty for the accounts file.
        lifetime_s: Seconds that a credential lives which nothing ends or renews; None for the scheme's own.
        allow_origins: Other origins whose pages may call this server, as `servers.http.cors` parsed them.
    """

    accounts_file: Path
    secrets: tuple[bytes, ...] = field(repr=False)
    redis_url: str = field(default="", repr=False)
    key_prefix: str = DEFAULT_KEY_PREFIX
    password_cost: str = "owasp"  # noqa: S105 - the name of a profile
    behind_tls: bool = False
    max_credential_bytes: int = MAX_CREDENTIAL_BYTES
    private_key: bytes = field(default=b"", repr=False)
    public_keys: bytes = b""
    lookup_url: str = field(default="", repr=False)
    lifetime_s: int | None = None
    allow_origins: tuple[str, ...] = ()


def read_secrets(environ: Mapping[str, str]) -> tuple[bytes, ...]:
    """Return the secrets that the environment names, the one that signs first; none where none is named.

    AUTH_SECRET signs and verifies, AUTH_SECRET_PREVIOUS verifies only, so that what was signed before a
    change of secrets is good until it expires. Each can be given as a file by the name with `_FILE`.

    Raises:
        UsageError: A secret is shorter than `MIN_SECRET_BYTES`, or there is a previous one only.
        CannotStartError: A file cannot be read.
    """
    named = {name: read_text(environ, name) for name in ("AUTH_SECRET", "AUTH_SECRET_PREVIOUS")}
    secrets = [parse_secret(text, name) for name, text in named.items() if text is not None]
    if len(secrets) == 1 and named["AUTH_SECRET"] is None:
        raise UsageError("AUTH_SECRET_PREVIOUS only verifies: set AUTH_SECRET, which signs, too.")
    return tuple(secrets)


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


def read_lifetime_s(environ: Mapping[str, str]) -> int | None:
    """Return AUTH_LIFETIME_S: seconds that a credential lives; None where the environment names none.

    Raises:
        UsageError: It is no whole number from 1 to `contract.ABSOLUTE_TIMEOUT_S`.
    """
    text = environ.get("AUTH_LIFETIME_S")
    if text is None:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= contract.ABSOLUTE_TIMEOUT_S:
        raise UsageError(
            f"AUTH_LIFETIME_S is a number of seconds up to {contract.ABSOLUTE_TIMEOUT_S}: not {text!r}."
        )
    return int(text)


def read_text(environ: Mapping[str, str], name: str) -> bytes | None:
    """Return what the environment holds under `name`, or in the file that it names under `name` + `_FILE`.

    Raises:
        CannotStartError: The file cannot be read.
    """
    if name in environ:
        return environ[name].encode()
    if f"{name}_FILE" in environ:
        try:
            return Path(environ[f"{name}_FILE"]).read_bytes()
        except OSError as error:
            raise CannotStartError(f"{name}_FILE cannot be read: {error.strerror}.") from None
    return None


def _from_base64url(text: bytes) -> bytes:
    if not _BASE64URL.fullmatch(text.decode("latin-1")):
        return b""
    try:
        return base64.urlsafe_b64decode(text.rstrip(b"=") + b"=" * (-len(text.rstrip(b"=")) % 4))
    except binascii.Error:
        return b""
