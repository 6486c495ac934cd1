"""What a run and an agent say to each other: one JSON object a line, sealed with what both know. Pure.

    agent   {"protocol": 1, "nonce": "…"}
    run     {"nonce": "…"}
    run     SEAL {"ask": "who"}
    agent   SEAL {"host": …}
    run     SEAL {"ask": "cpu", "port": 8001}
    agent   SEAL {"on_ns": …, "waiting_ns": …}

A seal is an HMAC-SHA256 under a key that is made from the secret and both nonces, over the line, who says it,
and how many lines that side said before. So each side proves with every line that it has the secret, and none
can be changed, repeated, left out, or sent back. Nothing is hidden: whoever listens learns the figures.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final, Literal

PROTOCOL: Final = 1
NONCE_BYTES: Final = 32
#: Of the longest line that an agent reads, and of the longest that a run does.
REQUEST_BYTES: Final = 1024
ANSWER_BYTES: Final = 1 << 20

Side = Literal["run", "agent"]
_OTHER: Final[Mapping[Side, Side]] = {"run": "agent", "agent": "run"}


class NotSealedError(ValueError):
    """A line that whoever has the secret did not say, or not now."""


class Seal:
    """One side of one connection.

    Args:
        secret: What both know.
        agent_nonce: What the agent said first.
        run_nonce: What the run said first.
        side: Which this is.
    """

    def __init__(self, secret: bytes, agent_nonce: bytes, run_nonce: bytes, side: Side) -> None:
        if len(agent_nonce) != NONCE_BYTES or len(run_nonce) != NONCE_BYTES:
            raise NotSealedError(f"expected nonces of {NONCE_BYTES} bytes")
        name = b"cookies-vs-tokens agent %d" % PROTOCOL
        self._key = hmac.digest(secret, name + agent_nonce + run_nonce, hashlib.sha256)
        self._side: Side = side
        self._said: dict[Side, int] = {"run": 0, "agent": 0}

    def line(self, value: Mapping[str, Any]) -> bytes:
        """The next line of this side."""
        text = json.dumps(value).encode()
        return self._mac(self._side, text) + b" " + text + b"\n"

    def opened(self, line: bytes) -> dict[str, Any]:
        """What the next line of the other side says.

        Raises:
            NotSealedError: It is not that.
        """
        mac, _, text = line.removesuffix(b"\n").partition(b" ")
        if not hmac.compare_digest(mac, self._mac(_OTHER[self._side], text)):
            raise NotSealedError("a line without the right seal")
        return parsed(text)

    def _mac(self, side: Side, text: bytes) -> bytes:
        """Of a side's next line; lower-case hex."""
        count = self._said[side]
        self._said[side] += 1
        return (
            hmac.new(self._key, b"%b %d %b" % (side.encode(), count, text), hashlib.sha256)
            .hexdigest()
            .encode()
        )


def plain(value: Mapping[str, Any]) -> bytes:
    """A line without a seal."""
    return json.dumps(value).encode() + b"\n"


def parsed(line: bytes) -> dict[str, Any]:
    """The object that a line is.

    Raises:
        NotSealedError: It is none.
    """
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise NotSealedError("expected a JSON object")
    return value


def nonce_of(value: Mapping[str, Any]) -> bytes:
    """The nonce of a first line.

    Raises:
        NotSealedError: It has none.
    """
    try:
        return bytes.fromhex(value["nonce"])
    except (KeyError, TypeError, ValueError):
        raise NotSealedError("expected a nonce") from None
