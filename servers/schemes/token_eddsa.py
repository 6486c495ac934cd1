"""Stateless JWT signed with Ed25519: short, with moderate cost of signing and verifying."""

from servers.credentials import public_keys
from servers.credentials.scheme import Scheme
from servers.settings import Settings

ABOUT = public_keys.about("EdDSA")


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    return public_keys.build("EdDSA", name, settings)
