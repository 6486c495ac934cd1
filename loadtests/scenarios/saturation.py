"""Restricted reads as fast as the server answers: what does a read cost, and what is the throughput?"""

TITLE = "restricted reads as fast as the server answers"
MODEL = "closed"
