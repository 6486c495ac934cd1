"""Authentication of messages between two holders of a shared secret. Pure.

The secret itself is never sent. A holder proves that it has the secret by an HMAC-SHA256 of texts that the
other side chose. The key of a session is derived from the secret and the nonces of both sides; with it every
message is authenticated and numbered, so that none can be changed, dropped, repeated, sent back or inserted
by others unnoticed. Messages are not encrypted: their contents are not secret.
"""

from __future__ import annotations

import hmac
import json
import secrets


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

    def make(self, text: str) -> tuple[int, str]:
        """Return the number and the HMAC of the next message of this side."""
        self._sent += 1
        return self._sent, proof(self._key, self._side, str(self._sent), text)

    def check(self, text: str, mac: str, number: int | None = None) -> None:
        """Verify a message of the other side.

        Args:
            text: Text of the message.
            mac: HMAC that came with it.
            number: Number of the message; None for the next expected one.

        Raises:
            ForgedError: The message is not from the other side, or was received before.
            LostError: The message is genuine, but earlier ones were lost.
        """
        number = self._received + 1 if number is None else number
        if number <= self._received or not proves(mac, self._key, self._other, str(number), text):
            raise ForgedError("a message with a wrong HMAC")
        if number > self._received + 1:
            raise LostError(f"{number - self._received - 1} messages were lost on the way")
        self._received = number
