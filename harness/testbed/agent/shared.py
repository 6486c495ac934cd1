"""The secret that a run and its agents share."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import SuiteError
from harness.system import secret


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
