"""Restricted reads at a set rate with a delayed store: what does each added store round trip cost a user?"""

TITLE = "restricted reads with added store round-trip time (store_delay_ms)"
MODEL = "open"
SETS = "store_delay_ms"
