"""Restricted reads at a set rate with a delayed store: what does each added store round trip cost a user?"""

from typing import Final

TITLE: Final = "restricted reads with added store round-trip time (store_delay_ms)"
MODEL: Final = "open"
SETS: Final = "store_delay_ms"
