"""Messages between a run and an agent: one JSON object per line, authenticated with a shared secret. Pure.

    agent   {"protocol": 2, "nonce": "…"}
    run     {"nonce": "…"}
    run     SEAL {"ask": "who"}
    agent   SEAL {"host": …}
    run     SEAL {"ask": "cpu", "port": 8001}
    agent   SEAL {"on_ns": …, "waiting_ns": …, …}

A SEAL is a message authentication code (`harness/protocol/seal.py`) with the key of a session, which depends
on `SESSION`, the agent's nonce and the run's: so every line proves that its sender has the secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from harness.errors import SuiteError
from harness.protocol.seal import ForgedError
from harness.system import secret

PROTOCOL: Final = 2
SESSION: Final = f"agent {PROTOCOL}"
#: Maximum length of a line that an agent reads, and of one that a run reads.
REQUEST_BYTES: Final = 1024
ANSWER_BYTES: Final = 1 << 20


def nonce_of(value: Mapping[str, Any] | None) -> str:
    """Return the nonce of a first line; None stands for a line without an object.

    Raises:
        ForgedError: It has none.
    """
    match value:
        case {"nonce": str(nonce)} if nonce:
            return nonce
    raise ForgedError("expected a nonce")


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
