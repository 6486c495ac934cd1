"""A command line as a result may keep it: without the passwords that it was given. Pure."""

from __future__ import annotations

from collections.abc import Sequence


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
