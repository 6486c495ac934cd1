"""Restricted reads at a set rate, however fast the server answers: how long does a user wait?"""

from typing import Final

TITLE: Final = "restricted reads at a set arrival rate"
MODEL: Final = "open"
