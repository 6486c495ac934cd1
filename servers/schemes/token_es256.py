"""Stateless JWT signed with ECDSA on P-256: short, and more expensive to verify."""

from servers.credentials import public_keys

ABOUT, build = public_keys.scheme("ES256")
