"""A stateless JWT signed by Ed25519: short, and neither signing nor verifying stands out."""

from servers.credentials import public_keys
from servers.credentials.scheme import Scheme
from servers.settings import Settings

ABOUT = public_keys.about("EdDSA")


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    return public_keys.build("EdDSA", name, settings)
