"""Authentication of messages between two holders of a shared secret. Pure.

The secret itself is never sent. A holder proves that it has the secret by an HMAC-SHA256 of texts that the
other side chose. The key of a session is derived from the secret and the nonces of both sides; with it every
message is authenticated and numbered, so that none can be changed, dropped, repeated, sent back or inserted
by others unnoticed. Messages are not encrypted: their contents are not secret.

A message is a line with a number that both sides count, or a table with its number, for a channel that may
lose some.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

from harness.protocol import json_lines


class ForgedError(ValueError):
    """A message that no holder of the secret sent, or one that was received before."""


class LostError(Exception):
    """A genuine message, but earlier ones were lost."""


def nonce() -> str:
    """Return a number that was never used before."""
    return secrets.token_hex(16)


def proof(secret: str, *texts: str) -> str:
    """Return the HMAC of these texts, which only a holder of the secret can make."""
    return hmac.new(secret.encode(), json.dumps(texts).encode(), "sha256").hexdigest()


def proves(mac: object, secret: str, *texts: str) -> bool:
    """Whether `mac`, which may be anything, is the HMAC of these texts."""
    return isinstance(mac, str) and hmac.compare_digest(
        mac.encode(errors="replace"), proof(secret, *texts).encode()
    )


class Seal:
    """Signer and verifier of one side of a session.

    Args:
        secret: Shared secret.
        side: Name of this side.
        other: Name of the other side.
        session: Nonces of both sides, which distinguish the session from all earlier ones.
    """

    def __init__(self, secret: str, side: str, other: str, *session: str) -> None:
        self._key = proof(secret, "session", *session)
        self._side = side
        self._other = other
        self._sent = 0
        self._received = 0

    def line(self, values: Mapping[str, Any]) -> bytes:
        """Return the next line of this side, with any JSON object."""
        text = json.dumps(values)
        return f"{self._mac(text)} {text}\n".encode()

    def open_line(self, line: bytes) -> dict[str, Any]:
        """Verify the next line of the other side, and return its object.

        Raises:
            ForgedError: It is not the next line of the other side.
        """
        mac, _, text = line.decode(errors="replace").removesuffix("\n").partition(" ")
        self._check(text, mac, self._received + 1)
        if (values := json_lines.parse(text)) is None:
            raise ForgedError("expected a JSON object")
        return values

    def close(self, kind: str, content: Any) -> dict[str, Any]:
        """Return the next message of this side, with a kind and any JSON content."""
        text = json.dumps([kind, content])
        mac = self._mac(text)
        return {"number": self._sent, "text": text, "mac": mac}

    def open(self, message: object) -> tuple[str, Any]:
        """Verify the next message of the other side, and return its kind and content.

        Raises:
            ForgedError: The message is not from the other side, or was received before.
            LostError: The message is genuine, but earlier ones were lost.
        """
        match message:
            case {"number": int(number), "text": str(text), "mac": str(mac)}:
                self._check(text, mac, number)
            case _:
                raise ForgedError("not a message")
        kind, content = json.loads(text)
        return str(kind), content

    def _mac(self, text: str) -> str:
        """Return the HMAC of the next message of this side."""
        self._sent += 1
        return proof(self._key, self._side, str(self._sent), text)

    def _check(self, text: str, mac: str, number: int) -> None:
        """Verify a message of the other side, and that none before it is missing."""
        if number <= self._received or not proves(mac, self._key, self._other, str(number), text):
            raise ForgedError("a message with a wrong HMAC")
        if number > self._received + 1:
            raise LostError(f"{number - self._received - 1} messages were lost on the way")
        self._received = number
