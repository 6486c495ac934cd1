"""Messages between master and worker, authenticated by the secret of the run. Pure.

Locust's port has no authentication. So both sides first prove that they hold the secret: each answers the
nonce of the other. All later messages are authenticated (`harness/protocol/seal.py`).
"""

from __future__ import annotations

from typing import Final

#: Environment variable with the secret, in both programs.
SECRET: Final = "COOKIES_VS_TOKENS_SECRET"  # noqa: S105 - a name
#: Types of the messages sent through Locust; all but the last precede the session.
CHALLENGE: Final = "cvt-challenge"
HELLO: Final = "cvt-hello"
WELCOME: Final = "cvt-welcome"
REFUSED: Final = "cvt-refused"
SEALED: Final = "cvt-sealed"
