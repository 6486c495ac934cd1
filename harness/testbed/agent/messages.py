"""What a run and an agent say to each other: one JSON object a line, sealed with what both know. Pure.

    agent   {"protocol": 1, "nonce": "…"}
    run     {"nonce": "…"}
    run     SEAL {"ask": "who"}
    agent   SEAL {"host": …}
    run     SEAL {"ask": "cpu", "port": 8001}
    agent   SEAL {"on_ns": …, "waiting_ns": …}

Seals are those of `harness/protocol/seal.py`, of a session that both nonces make: so each side proves with
every line that it has the secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from harness.errors import SuiteError
from harness.protocol import seal
from harness.system import secret

PROTOCOL: Final = 1
#: Of the longest line that an agent reads, and of the longest that a run does.
REQUEST_BYTES: Final = 1024
ANSWER_BYTES: Final = 1 << 20

Side = Literal["run", "agent"]
_OTHER: Final[Mapping[Side, Side]] = {"run": "agent", "agent": "run"}


class NotSealedError(ValueError):
    """A line that whoever has the secret did not say, or not now."""


class AgentSeal:
    """One side of one connection.

    Args:
        secret: What both know.
        agent_nonce: What the agent said first.
        run_nonce: What the run said first.
        side: Which this is.
    """

    def __init__(self, secret: str, agent_nonce: str, run_nonce: str, side: Side) -> None:
        name = f"agent {PROTOCOL}"
        self._seal = seal.Seal(secret, side, _OTHER[side], name, agent_nonce, run_nonce)

    def line(self, value: Mapping[str, Any]) -> bytes:
        """The next line of this side."""
        text = json.dumps(value)
        _, mac = self._seal.make(text)
        return f"{mac} {text}\n".encode()

    def opened(self, line: bytes) -> dict[str, Any]:
        """What the next line of the other side says.

        Raises:
            NotSealedError: It is not that.
        """
        try:
            mac, _, text = line.decode().removesuffix("\n").partition(" ")
            self._seal.check(text, mac)
        except ValueError as error:
            raise NotSealedError("a line without the right seal") from error
        return parsed(text)


def plain(value: Mapping[str, Any]) -> bytes:
    """A line without a seal."""
    return json.dumps(value).encode() + b"\n"


def parsed(line: bytes | str) -> dict[str, Any]:
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


def nonce_of(value: Mapping[str, Any]) -> str:
    """The nonce of a first line.

    Raises:
        NotSealedError: It has none.
    """
    match value:
        case {"nonce": str(nonce)} if nonce:
            return nonce
    raise NotSealedError("expected a nonce")


def secret_of(environment: Mapping[str, str]) -> str:
    """The secret that an environment names.

    Raises:
        SuiteError: It names none, it is too short, or its file cannot be read.
    """
    found = secret.given(environment)
    if found is None:
        raise SuiteError(
            f"a run and its agents share a secret: set {secret.NAME}, or {secret.FILE}, to the same for each;"
            ' this makes one: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return found
