"""The secret of a run, held by whoever takes part in it from another machine. No argument list has it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from harness.errors import SuiteError

#: Where it stands in the environment; with `_FILE` behind it the name of a file that holds it.
NAME: Final = "COOKIES_VS_TOKENS_SECRET"
FILE: Final = f"{NAME}_FILE"
#: A shorter one could be found by trying, by whoever saw a proof of it.
MIN_LENGTH: Final = 16


def given(environment: Mapping[str, str]) -> str | None:
    """The secret that an environment names; None where it names none.

    Raises:
        SuiteError: It is too short, or its file cannot be read.
    """
    found = environment.get(NAME)
    if found is None and FILE in environment:
        try:
            found = Path(environment[FILE]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SuiteError(f"{FILE}: {environment[FILE]} cannot be read: {error}") from error
    if found is not None and len(found) < MIN_LENGTH:
        raise SuiteError(f"{NAME}: expected {MIN_LENGTH} characters or more (got {len(found)})")
    return found


def without_secret(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without the secret, for whoever needs not know it."""
    return {key: value for key, value in environment.items() if not key.startswith(NAME)}


def fresh() -> str:
    """One that nobody knows."""
    return secrets.token_urlsafe(24)


def without_passwords(command: Sequence[str]) -> list[str]:
    """The words of a command line; of URLs neither user nor password, nor options that hold one."""
    return [_word(word) for word in command]


def _word(word: str) -> str:
    scheme, found, _ = word.partition("://")
    if not found:
        return word
    if "password=" in word:
        return f"{scheme}://…"
    return f"{scheme}://…@{word.rpartition('@')[2]}" if "@" in word else word
