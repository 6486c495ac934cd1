"""Restricted reads by users with long profiles: what does it cost to send them, and to store them?"""

TITLE = "restricted reads with a profile of a set length in session or token (profile_bytes)"
MODEL = "closed"
NEEDS_CREDENTIAL = True
SETS = "profile_bytes"
