"""Restricted reads from servers of several processes, as fast as they answer: what does the store allow?"""

from typing import Final

TITLE: Final = "restricted reads from servers of several processes behind one port, on one store"
MODEL: Final = "closed"
SETS: Final = "processes"
