"""Restricted reads by users with long profiles: what does it cost to send them, and to store them?"""

from typing import Final

TITLE: Final = "restricted reads with a profile of a set length in session or token (profile_bytes)"
MODEL: Final = "closed"
NEEDS_CREDENTIAL: Final = True
SETS: Final = "profile_bytes"
