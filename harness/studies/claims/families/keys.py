"""Claims about keys: issuing and checking tokens, forging them, and changing the key."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from harness.results.claims import ClaimFigure, Outcome
from harness.studies.claims.claim import Claim, decided, figure
from harness.testbed.client import read_token

if TYPE_CHECKING:
    from harness.studies.lab import Lab
    from harness.testbed.client import ApiClient

#: Tokens tried per kind.
TOKENS: Final = 10

#: Functions of another library that make a key pair, by scheme.
_NEW_PAIR: Final[dict[str, Callable[[], Any]]] = {
    "token-rs256": lambda: RSAKey.generate_key(2048),
    "token-es256": lambda: ECKey.generate_key("P-256"),
    "token-eddsa": lambda: OKPKey.generate_key("Ed25519"),
}


def elsewhere(lab: Lab) -> Outcome:
    """Issue tokens on one server and check them on another that has only the public key, and no store."""
    figures = []
    for scheme, new_pair in _NEW_PAIR.items():
        pair = new_pair()
        issuing = {"AUTH_PRIVATE_KEY": pair.as_pem(private=True).decode()}
        checking = {
            "AUTH_PRIVATE_KEY": "",  # not set
            "AUTH_PUBLIC_KEYS": pair.as_pem(private=False).decode(),
            "AUTH_SECRET": secrets.token_urlsafe(48),
            "REDIS_URL": "redis://127.0.0.1:1",  # nothing listens on this port
        }
        api = lab.caller(scheme, **checking)
        accepted = sum(lab.logged_in(scheme, **issuing).at(api).read().status == 200 for _ in range(TOKENS))
        issued = sum(api.log_in(lab.account()).status == 200 for _ in range(TOKENS))
        figures += [
            figure(f"{scheme}: accepted elsewhere", accepted, f"of {TOKENS} tokens"),
            figure(f"{scheme}: issued elsewhere", issued, f"of {TOKENS} logins"),
        ]
    return decided(
        [counted.value for counted in figures] == [TOKENS, 0] * len(_NEW_PAIR),
        "a server with the public key, which shares no store and no secret with the issuer, accepts the"
        " issuer's tokens and can issue none itself",
        figures,
    )


def any_library(lab: Lab) -> Outcome:
    """Check our tokens with another library (joserfc), and tokens of that library with our servers."""
    figures = []
    for scheme in ("token", *_NEW_PAIR):
        pair: Any = OctKey.import_key(lab.secret.encode()) if scheme == "token" else _NEW_PAIR[scheme]()
        environment = {} if scheme == "token" else {"AUTH_PRIVATE_KEY": pair.as_pem(private=True).decode()}
        read = written = 0
        for _ in range(TOKENS):
            caller = lab.logged_in(scheme, **environment)
            header, claims = read_token(caller.token)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "EdDSA is deprecated")  # it has other names since RFC 9864
                read += _reads(caller.token, pair, header["alg"], claims)
                new_claims = claims | {"jti": secrets.token_hex(8)}
                caller.token = jwt.encode(header, new_claims, pair, [header["alg"]])
            written += caller.read().status == 200
        figures += [
            figure(f"{scheme}: ours read by joserfc", read, f"of {TOKENS} tokens"),
            figure(f"{scheme}: joserfc's read by us", written, f"of {TOKENS} tokens"),
        ]
    return decided(
        all(counted.value == TOKENS for counted in figures),
        "HS256, RS256, ES256 and EdDSA tokens pass between PyJWT and joserfc in both directions",
        figures,
    )


def leaked(lab: Lab) -> Outcome:
    """Forge an admin's token with the key of each checking server: the shared secret, or the public key."""
    figures = [_forgeries("token, with its secret", lab.logged_in("token"), lab.secret.encode())]
    for scheme, new_pair in _NEW_PAIR.items():
        pair = new_pair()
        caller = lab.logged_in(scheme, AUTH_PRIVATE_KEY=pair.as_pem(private=True).decode())
        # The only attack with a public key is to use its text as a secret.
        figures.append(_forgeries(f"{scheme}, with its public key", caller, pair.as_pem(private=False)))
    with_secret, *with_public_key = (counted.value for counted in figures)
    return decided(
        with_secret == TOKENS and not any(with_public_key),
        "with the shared secret a token of any user can be forged, admins included; with a key that only"
        " verifies, none",
        figures,
    )


def rotation(lab: Lab) -> Outcome:
    """Change the secret while users are logged in, with and without the old one as a second key."""
    new = secrets.token_urlsafe(48)
    servers: dict[str, dict[str, str]] = {
        "logged in before the change": {},
        "logged in after it, old key kept": {"AUTH_SECRET": new, "AUTH_SECRET_PREVIOUS": lab.secret},
        "logged in after it, old key removed": {"AUTH_SECRET": new},
    }
    users = [lab.logged_in("token") for _ in range(TOKENS)]
    figures = []
    for name, environment in servers.items():
        server = lab.caller("token", **environment)
        accepted = sum(user.at(server).read().status == 200 for user in users)
        figures.append(figure(name, accepted, f"of {TOKENS} users"))
    return decided(
        [counted.value for counted in figures] == [TOKENS, TOKENS, 0],
        "a new key alone invalidates all tokens of all users immediately; with the old key as a second one"
        " (kid), none",
        figures,
    )


def _forgeries(name: str, caller: ApiClient, secret: bytes) -> ClaimFigure:
    """Count accepted admin tokens that were made from a user's token and signed with a secret."""
    header, claims = read_token(caller.token)
    accepted = 0
    for number in range(TOKENS):
        forged = claims | {"sub": "124", "role": "admin", "jti": f"forged-{number}"}
        caller.token = _signed(header | {"alg": "HS256"}, forged, secret)
        accepted += caller.read_admin().status == 200
    return figure(name, accepted, f"of {TOKENS} forgeries accepted")


def _signed(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """Return an HS256 token, made by hand because libraries refuse a public key as a secret."""
    signed = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{_encoded(hmac.digest(secret, signed.encode(), 'sha256'))}"


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def _reads(token: str, key: Any, algorithm: str, claims: dict[str, Any]) -> bool:
    try:
        return jwt.decode(token, key, [algorithm]).claims == claims
    except JoseError:
        return False


CLAIMS: Final = (
    Claim(
        4,
        "decoupling: the token may be generated anywhere",
        "article",
        "demonstrated",
        "one server issues tokens, another with only the public key checks them: no shared store or secret",
        "supported when the other server accepts all tokens and can issue none",
        elsewhere,
    ),
    Claim(
        8,
        "standards-based: any library can read it",
        "article",
        "demonstrated",
        "tokens of four algorithms are checked with another JWT library (joserfc), and the reverse",
        "supported when every token passes in both directions",
        any_library,
    ),
    Claim(
        21,
        "who has the secret can do anything",
        "Zheng, Krebs",
        "demonstrated",
        "an admin's token is forged with the shared secret, and with the text of the public key",
        "supported when forgeries with the secret are accepted and forgeries with a public key are not",
        leaked,
    ),
    Claim(
        26,
        "change the signing key and all tokens end, for all users",
        "Peyrott, CAO",
        "demonstrated",
        "logged-in users call a server with a new secret, with and without the old one as a second key",
        "supported when no token is accepted without the old secret, and every token with it",
        rotation,
    ),
)
