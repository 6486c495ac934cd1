"""Stateless JWT signed with RSA, common among identity providers: cheap to verify, expensive to sign."""

from servers.credentials import public_keys
from servers.credentials.scheme import Scheme
from servers.settings import Settings

ABOUT = public_keys.about("RS256")


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    return public_keys.build("RS256", name, settings)
