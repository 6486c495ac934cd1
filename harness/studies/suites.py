"""Names of the suites that measure claims. Pure."""

from __future__ import annotations

from typing import Final

#: Suite of the claims about the cost of schemes, and of those about several server processes.
SUITE: Final = "claims"
SCALE: Final = "scale"

SUITES: Final = (SUITE, SCALE)
