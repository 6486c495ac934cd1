"""The stateless JWT of `token`, signed and verified by another library, to measure the library's share."""

# ruff: noqa: D102 - servers.credentials.tokens documents the methods

from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from servers import signing_keys
from servers.credentials.bearer_transport import BearerTransport
from servers.credentials.scheme import SELF_CONTAINED, About, Scheme
from servers.credentials.token_scheme import TokenScheme
from servers.credentials.tokens import ISSUER, InvalidTokenError, Tokens
from servers.settings import Settings
from servers.signing_keys import Keyring

ABOUT = About(
    title="Stateless HS256 JWT as bearer token, by the library joserfc instead of PyJWT",
    transport="bearer",
    promises=SELF_CONTAINED,
)


class JoserfcTokens(Tokens):
    """Signer and verifier of tokens by joserfc."""

    def __init__(self, keyring: Keyring, scheme: str, lifetime_s: int | None = None) -> None:
        super().__init__(keyring, scheme, lifetime_s)
        self._oct_keys: Final = {key.name: OctKey.import_key(key.verifies) for key in keyring.keys}
        self._registry: Final = jwt.JWTClaimsRegistry(
            leeway=self._leeway_s,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            iat={"essential": True},
            jti={"essential": True},
        )

    def sign(self, claims: dict[str, Any]) -> str:
        key = self._signing_key
        header = {"alg": self._algorithm} | self._header(key)
        return jwt.encode(header, claims, self._oct_keys[key.name], [self._algorithm])

    def verify(self, token: str) -> dict[str, Any]:
        try:
            decoded = jwt.decode(token, self._find, [self._algorithm])
            self._registry.validate(decoded.claims)
        except (JoseError, ValueError, TypeError):  # TypeError: a `crit` that is no list of texts
            raise InvalidTokenError from None
        if "crit" in decoded.header:  # none is supported, and joserfc accepts an empty list
            raise InvalidTokenError
        return self._checked(decoded.header, decoded.claims)

    def _find(self, signature: Any) -> OctKey:
        """Return the key that the header of a token names."""
        name = signature.headers().get("kid")
        if not isinstance(name, str) or name not in self._oct_keys:
            raise InvalidTokenError
        return self._oct_keys[name]


def build(name: str, settings: Settings) -> Scheme:
    """Return the scheme."""
    tokens = JoserfcTokens(signing_keys.shared(settings.secrets), name, settings.lifetime_s)
    return TokenScheme(tokens, BearerTransport(settings.max_credential_bytes))
