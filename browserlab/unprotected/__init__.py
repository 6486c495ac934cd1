"""Protections taken away, one by one: by the front, so that no server has to be made unsafe."""
