"""Restricted reads as fast as the server answers: what does a read cost, and what is the throughput?"""

from typing import Final

TITLE: Final = "restricted reads as fast as the server answers"
MODEL: Final = "closed"
