"""The suites that claims are measured by. Pure."""

from __future__ import annotations

from typing import Final

#: The suite that is run for all claims about what schemes cost, and for those about several processes.
SUITE: Final = "claims"


SCALE: Final = "scale"


SUITES: Final = (SUITE, SCALE)
