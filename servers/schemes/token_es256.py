"""Stateless JWT signed with ECDSA on P-256: short, and more expensive to verify."""

from servers.credentials import public_keys
from servers.credentials.scheme import Scheme
from servers.settings import Settings

ABOUT = public_keys.about("ES256")


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    return public_keys.build("ES256", name, settings)
