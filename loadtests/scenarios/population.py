"""Restricted reads with many other users logged in: what does each cost in memory and latency?"""

TITLE = "restricted reads with a set number of other users logged in (sessions)"
MODEL = "open"
NEEDS_CREDENTIAL = True
SETS = "sessions"
