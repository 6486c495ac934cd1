"""Restricted reads at a set rate, however fast the server answers: how long does a user wait?"""

TITLE = "restricted reads at a set arrival rate"
MODEL = "open"
