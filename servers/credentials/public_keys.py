"""Stateless tokens whose signature anybody with the public key can check; the algorithms differ in cost."""

from dataclasses import replace

from servers import signing_keys
from servers.credentials.bearer_transport import BearerTransport
from servers.credentials.guarantees import SELF_CONTAINED
from servers.credentials.scheme import About, Scheme
from servers.credentials.token_scheme import TokenScheme
from servers.credentials.tokens import Tokens
from servers.settings import Settings


def about(algorithm: str) -> About:
    """Return what a scheme is and promises whose tokens are signed by `algorithm`."""
    return About(
        title=f"Stateless {algorithm} JWT as bearer: the public key verifies, and cannot sign",
        transport="bearer",
        key_pair=algorithm,
        promises=replace(SELF_CONTAINED, minted_elsewhere=True, verified_elsewhere=True),
    )


def build(algorithm: str, name: str, settings: Settings) -> Scheme:
    """Return the scheme called `name`, whose tokens are signed by one of `signing_keys.ALGORITHMS`."""
    tokens = Tokens(signing_keys.pair(algorithm, settings), name, settings.lifetime_s)
    return TokenScheme(tokens, BearerTransport(settings.max_credential_bytes))
