"""Stateless tokens with public-key signatures, verifiable with the public key; algorithms differ in cost."""

from collections.abc import Callable
from dataclasses import replace

from servers import signing_keys
from servers.credentials.bearer_transport import BearerTransport
from servers.credentials.scheme import SELF_CONTAINED, About, Scheme
from servers.credentials.token_scheme import TokenScheme
from servers.credentials.tokens import Tokens
from servers.settings import Settings


def scheme(algorithm: str) -> tuple[About, Callable[[str, Settings], Scheme]]:
    """Return `ABOUT` and `build` of a scheme with tokens signed by one of `signing_keys.ALGORITHMS`."""
    about = About(
        title=f"Stateless {algorithm} JWT as bearer token: the public key verifies but cannot sign",
        transport="bearer",
        key_pair=algorithm,
        promises=replace(SELF_CONTAINED, minted_elsewhere=True, verified_elsewhere=True),
    )

    def build(name: str, settings: Settings) -> Scheme:
        tokens = Tokens(signing_keys.pair(algorithm, settings), name, settings.lifetime_s)
        return TokenScheme(tokens, BearerTransport(settings.max_credential_bytes))

    return about, build
