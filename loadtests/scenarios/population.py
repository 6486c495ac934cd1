"""Restricted reads with many other users logged in: what does each cost in memory and latency?"""

from typing import Final

TITLE: Final = "restricted reads with a set number of other users logged in (sessions)"
MODEL: Final = "open"
NEEDS_CREDENTIAL: Final = True
SETS: Final = "sessions"
