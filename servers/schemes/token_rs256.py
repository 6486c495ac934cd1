"""Stateless JWT signed with RSA, common among identity providers: cheap to verify, expensive to sign."""

from servers.credentials import public_keys

ABOUT, build = public_keys.scheme("RS256")
