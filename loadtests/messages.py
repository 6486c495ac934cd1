"""What the master and a worker say to each other, proved by the secret of the run. Pure.

Locust's port asks nobody who they are. So both sides prove first that they hold the secret, which itself is
never sent: each answers the other's nonce with an HMAC. From both nonces they make the key of a session, and
whatever follows is sealed by it and numbered: nothing can be changed, left out, repeated or put in by others.
It can be read by whoever sees the network; nothing that is said is secret.
"""

from __future__ import annotations

import hmac
import json
import secrets
from typing import Any, Final, Literal

#: Where the secret stands in the environment of both programs.
SECRET: Final = "COOKIES_VS_TOKENS_SECRET"  # noqa: S105 - a name
#: The types of messages that Locust carries for us; all but the last come before there is a session.
CHALLENGE: Final = "cvt-challenge"
HELLO: Final = "cvt-hello"
WELCOME: Final = "cvt-welcome"
REFUSED: Final = "cvt-refused"
SEALED: Final = "cvt-sealed"

Side = Literal["master", "worker"]


class ForgedError(Exception):
    """A message that no holder of the secret made, or one that was heard before."""


class LostError(Exception):
    """A genuine message, but others before it never came."""


def nonce() -> str:
    """A number that nobody used before."""
    return secrets.token_hex(16)


def proof(secret: str, *said: str) -> str:
    """What only a holder of the secret can say of these texts."""
    return _mac(secret.encode(), *said)


def proves(given: object, secret: str, *said: str) -> bool:
    """Whether that is what was given, whatever a stranger may have put there."""
    return isinstance(given, str) and hmac.compare_digest(given.encode(), proof(secret, *said).encode())


class Seal:
    """One side's end of a session.

    Args:
        secret: Of the run.
        side: Whose end it is.
        master_nonce: What the master asked with.
        worker_nonce: What the worker did.
    """

    def __init__(self, secret: str, side: Side, master_nonce: str, worker_nonce: str) -> None:
        self._key = bytes.fromhex(_mac(secret.encode(), "session", master_nonce, worker_nonce))
        self._own: str = side
        self._other: str = "worker" if side == "master" else "master"
        self._said = 0
        self._heard = 0

    def close(self, kind: str, content: Any) -> dict[str, Any]:
        """The next message of this side: its kind, and anything that JSON can say."""
        self._said += 1
        text = json.dumps([kind, content])
        return {"number": self._said, "text": text, "mac": self._made_by(self._own, self._said, text)}

    def open(self, message: object) -> tuple[str, Any]:
        """The kind and the content of the other side's next message.

        Raises:
            ForgedError: It is not the other side's, or was heard before.
            LostError: It is, but some before it never came.
        """
        match message:
            case {"number": int(number), "text": str(text), "mac": str(mac)}:
                pass
            case _:
                raise ForgedError
        made = self._made_by(self._other, number, text)
        if number <= self._heard or not hmac.compare_digest(mac.encode(), made.encode()):
            raise ForgedError
        if number > self._heard + 1:
            raise LostError(f"{number - self._heard - 1} messages were lost on the way")
        self._heard = number
        kind, content = json.loads(text)
        return str(kind), content

    def _made_by(self, side: str, number: int, text: str) -> str:
        return _mac(self._key, side, str(number), text)


def _mac(key: bytes, *parts: str) -> str:
    return hmac.new(key, json.dumps(parts).encode(), "sha256").hexdigest()
