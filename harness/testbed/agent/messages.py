"""Messages between a run and an agent: one JSON object per line, authenticated with a shared secret. Pure.

    agent   {"protocol": 1, "nonce": "…"}
    run     {"nonce": "…"}
    run     SEAL {"ask": "who"}
    agent   SEAL {"host": …}
    run     SEAL {"ask": "cpu", "port": 8001}
    agent   SEAL {"on_ns": …, "waiting_ns": …}

A SEAL is a message authentication code (`harness/protocol/seal.py`) with the key of a session, which depends
on both nonces: so every line proves that its sender has the secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from harness.errors import SuiteError
from harness.protocol import seal
from harness.system import secret

PROTOCOL: Final = 1
#: Maximum length of a line that an agent reads, and of one that a run reads.
REQUEST_BYTES: Final = 1024
ANSWER_BYTES: Final = 1 << 20

Side = Literal["run", "agent"]
_PEER: Final[Mapping[Side, Side]] = {"run": "agent", "agent": "run"}


class NotSealedError(ValueError):
    """A line that no holder of the secret sent, or a repeated one."""


class AgentSeal:
    """Signer and verifier of one side of one connection.

    Args:
        secret: Shared secret.
        agent_nonce: Nonce of the agent's first line.
        run_nonce: Nonce of the run's first line.
        side: This side.
    """

    def __init__(self, secret: str, agent_nonce: str, run_nonce: str, side: Side) -> None:
        name = f"agent {PROTOCOL}"
        self._seal = seal.Seal(secret, side, _PEER[side], name, agent_nonce, run_nonce)

    def line(self, value: Mapping[str, Any]) -> bytes:
        """Return the next line of this side."""
        text = json.dumps(value)
        _, mac = self._seal.make(text)
        return f"{mac} {text}\n".encode()

    def opened(self, line: bytes) -> dict[str, Any]:
        """Verify the next line of the other side and return its object.

        Raises:
            NotSealedError: It is not the next line of the other side.
        """
        try:
            mac, _, text = line.decode().removesuffix("\n").partition(" ")
            self._seal.check(text, mac)
        except ValueError as error:
            raise NotSealedError("a line without the right seal") from error
        return parsed(text)


def plain(value: Mapping[str, Any]) -> bytes:
    """Return a line without a seal."""
    return json.dumps(value).encode() + b"\n"


def parsed(line: bytes | str) -> dict[str, Any]:
    """Return the JSON object of a line.

    Raises:
        NotSealedError: It is not a JSON object.
    """
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise NotSealedError("expected a JSON object")
    return value


def nonce_of(value: Mapping[str, Any]) -> str:
    """Return the nonce of a first line.

    Raises:
        NotSealedError: It has none.
    """
    match value:
        case {"nonce": str(nonce)} if nonce:
            return nonce
    raise NotSealedError("expected a nonce")


def secret_of(environment: Mapping[str, str]) -> str:
    """Return the secret of an environment.

    Raises:
        SuiteError: It has no secret, the secret is too short, or its file cannot be read.
    """
    shared = secret.given(environment)
    if shared is None:
        raise SuiteError(
            f"a run and its agents share a secret: set {secret.NAME} or {secret.FILE} to the same value for"
            ' each. Create one with: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return shared
