"""What two holders of a secret say to each other, so that nobody else can have said it. Pure.

The secret itself is never sent. Whoever holds it can make an HMAC-SHA256 of texts that the other names, and
so prove to hold it. From the secret and what both sides threw in comes the key of one session, by which every
message is sealed and numbered: none can be changed, left out, repeated, sent back or put in by others. It can
be read by whoever sees the network; nothing that is said is secret.
"""

from __future__ import annotations

import hmac
import json
import secrets


class ForgedError(ValueError):
    """A message that no holder of the secret made, or one that was heard before."""


class LostError(Exception):
    """A genuine message, but others before it never came."""


def nonce() -> str:
    """A number that nobody used before."""
    return secrets.token_hex(16)


def proof(secret: str, *said: str) -> str:
    """What only a holder of the secret can say of these texts."""
    return hmac.new(secret.encode(), json.dumps(said).encode(), "sha256").hexdigest()


def proves(given: object, secret: str, *said: str) -> bool:
    """Whether that is what was given, whatever a stranger may have put there."""
    return isinstance(given, str) and hmac.compare_digest(
        given.encode(errors="replace"), proof(secret, *said).encode()
    )


class Seal:
    """One side's end of a session.

    Args:
        secret: What both hold.
        side: Whose end it is.
        other: Who has the other end.
        session: What both sides threw in, which makes the session another than all before.
    """

    def __init__(self, secret: str, side: str, other: str, *session: str) -> None:
        self._key = proof(secret, "session", *session)
        self._own = side
        self._other = other
        self._said = 0
        self._heard = 0

    def make(self, text: str) -> tuple[int, str]:
        """The number of this side's next message, and its seal."""
        self._said += 1
        return self._said, proof(self._key, self._own, str(self._said), text)

    def check(self, text: str, seal: str, number: int | None = None) -> None:
        """Believe a message of the other side.

        Args:
            text: What it says.
            seal: What came with it.
            number: Which it is; None where it can only be the next.

        Raises:
            ForgedError: It is not the other side's, or was heard before.
            LostError: It is, but some before it never came.
        """
        number = self._heard + 1 if number is None else number
        if number <= self._heard or not proves(seal, self._key, self._other, str(number), text):
            raise ForgedError("a message without the right seal")
        if number > self._heard + 1:
            raise LostError(f"{number - self._heard - 1} messages were lost on the way")
        self._heard = number
