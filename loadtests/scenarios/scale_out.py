"""Restricted reads from servers of several processes, as fast as they answer: what does the store allow?"""

TITLE = "restricted reads from servers of several processes behind one port, on one store"
MODEL = "closed"
SETS = "processes"
