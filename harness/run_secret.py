"""The secret that the machines of one run share: by environment or file, never on a command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from harness.errors import SuiteError

NAME: Final = "COOKIES_VS_TOKENS_SECRET"
#: Characters that it has at least: proofs made with it can be listened to, and guessed at elsewhere.
_LEAST: Final = 32


def read(environment: Mapping[str, str] = os.environ) -> bytes:
    """The secret.

    Raises:
        SuiteError: None is set, it is too short, or its file cannot be read; the secret is never quoted.
    """
    text = environment.get(NAME)
    if text is None and (file := environment.get(f"{NAME}_FILE")):
        try:
            text = Path(file).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not ASCII"
            raise SuiteError(f"{NAME}_FILE: {file}: {reason}.") from None
    if text is None:
        raise SuiteError(
            f"the machines of a run share a secret: set {NAME}, or {NAME}_FILE, to the same on each; this"
            ' makes one: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    secret = text.strip().encode("utf-8", "surrogateescape")
    if len(secret) < _LEAST:
        raise SuiteError(f"{NAME}: expected {_LEAST} characters or more (got {len(secret)}).")
    return secret
