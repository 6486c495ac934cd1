"""Accounts are revoked, demoted or given a new password: for how long do their credentials still work?"""

from typing import Final

TITLE: Final = "reads at a set rate while three accounts are revoked, demoted and given a new password"
MODEL: Final = "open"
NEEDS_CREDENTIAL: Final = True
# Reads only, whatever the answers: the result is for how long the old credentials work.
INCIDENT: Final = "revocation"
