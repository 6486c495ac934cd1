"""Stateless JWT signed with Ed25519: short, with moderate cost of signing and verifying."""

from servers.credentials import public_keys

ABOUT, build = public_keys.scheme("EdDSA")
