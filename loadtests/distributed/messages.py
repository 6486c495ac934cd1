"""What the master and a worker say to each other, proved by the secret of the run. Pure.

Locust's port asks nobody who they are. So both sides prove first that they hold the secret: each answers the
other's nonce. Whatever follows is sealed (`harness/protocol/seal.py`).
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal

from harness.protocol import seal
from harness.protocol.seal import ForgedError

#: Where the secret stands in the environment of both programs.
SECRET: Final = "COOKIES_VS_TOKENS_SECRET"  # noqa: S105 - a name
#: The types of messages that Locust carries for us; all but the last come before there is a session.
CHALLENGE: Final = "cvt-challenge"
HELLO: Final = "cvt-hello"
WELCOME: Final = "cvt-welcome"
REFUSED: Final = "cvt-refused"
SEALED: Final = "cvt-sealed"

Side = Literal["master", "worker"]


class WorkerSeal:
    """One side's end of a session.

    Args:
        secret: Of the run.
        side: Whose end it is.
        master_nonce: What the master asked with.
        worker_nonce: What the worker did.
    """

    def __init__(self, secret: str, side: Side, master_nonce: str, worker_nonce: str) -> None:
        other = "worker" if side == "master" else "master"
        self._seal = seal.Seal(secret, side, other, master_nonce, worker_nonce)

    def close(self, kind: str, content: Any) -> dict[str, Any]:
        """The next message of this side: its kind, and anything that JSON can say."""
        text = json.dumps([kind, content])
        number, mac = self._seal.make(text)
        return {"number": number, "text": text, "mac": mac}

    def open(self, message: object) -> tuple[str, Any]:
        """The kind and the content of the other side's next message.

        Raises:
            ForgedError: It is not the other side's, or was heard before.
            LostError: It is, but some before it never came.
        """
        match message:
            case {"number": int(number), "text": str(text), "mac": str(mac)}:
                self._seal.check(text, mac, number)
            case _:
                raise ForgedError("no message")
        kind, content = json.loads(text)
        return str(kind), content
