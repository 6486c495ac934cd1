"""Secret of a run, shared with its programs on other machines; never part of an argument list."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from harness.errors import SuiteError

#: Environment variable with the secret; with the suffix `_FILE`, with the name of a file that contains it.
NAME: Final = "COOKIES_VS_TOKENS_SECRET"
FILE: Final = f"{NAME}_FILE"
#: A shorter secret could be guessed from an intercepted proof of it.
MIN_LENGTH: Final = 16


def given(environment: Mapping[str, str]) -> str | None:
    """Return the secret that an environment contains or names; None if there is none.

    Raises:
        SuiteError: The secret is too short, or its file cannot be read.
    """
    value = environment.get(NAME)
    if value is None and FILE in environment:
        try:
            value = Path(environment[FILE]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SuiteError(f"{FILE}: {environment[FILE]} cannot be read: {error}") from error
    if value is not None and len(value) < MIN_LENGTH:
        raise SuiteError(f"{NAME}: expected {MIN_LENGTH} characters or more (got {len(value)})")
    return value


def without_secret(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the secret, for programs that do not need it."""
    return {key: value for key, value in environment.items() if not key.startswith(NAME)}


def fresh() -> str:
    """Return a new random secret."""
    return secrets.token_urlsafe(24)


def without_passwords(command: Sequence[str]) -> list[str]:
    """Return the words of a command line, with user names and passwords removed from URLs."""
    return [_without_password(word) for word in command]


def _without_password(word: str) -> str:
    scheme, separator, _ = word.partition("://")
    if not separator:
        return word
    if "password=" in word:
        return f"{scheme}://…"
    return f"{scheme}://…@{word.rpartition('@')[2]}" if "@" in word else word
