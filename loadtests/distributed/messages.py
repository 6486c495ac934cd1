"""Messages between master and worker, authenticated by the secret of the run. Pure.

Locust's port has no authentication. So both sides first prove that they hold the secret: each answers the
nonce of the other. All later messages are authenticated (`harness/protocol/seal.py`).
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal

from harness.protocol import seal
from harness.protocol.seal import ForgedError

#: Environment variable with the secret, in both programs.
SECRET: Final = "COOKIES_VS_TOKENS_SECRET"  # noqa: S105 - a name
#: Types of the messages sent through Locust; all but the last precede the session.
CHALLENGE: Final = "cvt-challenge"
HELLO: Final = "cvt-hello"
WELCOME: Final = "cvt-welcome"
REFUSED: Final = "cvt-refused"
SEALED: Final = "cvt-sealed"

Side = Literal["master", "worker"]


class WorkerSeal:
    """Signer and verifier of one side of a session.

    Args:
        secret: Secret of the run.
        side: This side.
        master_nonce: Nonce of the master.
        worker_nonce: Nonce of the worker.
    """

    def __init__(self, secret: str, side: Side, master_nonce: str, worker_nonce: str) -> None:
        other = "worker" if side == "master" else "master"
        self._seal = seal.Seal(secret, side, other, master_nonce, worker_nonce)

    def close(self, kind: str, content: Any) -> dict[str, Any]:
        """Return the next message of this side, with a kind and any JSON content."""
        text = json.dumps([kind, content])
        number, mac = self._seal.make(text)
        return {"number": number, "text": text, "mac": mac}

    def open(self, message: object) -> tuple[str, Any]:
        """Verify the next message of the other side, and return its kind and content.

        Raises:
            ForgedError: The message is not from the other side, or was received before.
            LostError: The message is genuine, but earlier ones were lost.
        """
        match message:
            case {"number": int(number), "text": str(text), "mac": str(mac)}:
                self._seal.check(text, mac, number)
            case _:
                raise ForgedError("not a message")
        kind, content = json.loads(text)
        return str(kind), content
