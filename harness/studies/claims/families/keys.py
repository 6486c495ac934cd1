"""Who can make a token, who can check one, and what becomes of them when the key changes."""

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
from harness.studies.claims.claim import Claim, decided
from harness.testbed.client import read_token

if TYPE_CHECKING:
    from harness.studies.lab import Lab
    from harness.testbed.client import ApiClient

#: Tokens tried of each kind.
TOKENS: Final = 10

#: How another library makes a key pair, by scheme.
_NEW_PAIR: Final[dict[str, Callable[[], Any]]] = {
    "token-rs256": lambda: RSAKey.generate_key(2048),
    "token-es256": lambda: ECKey.generate_key("P-256"),
    "token-eddsa": lambda: OKPKey.generate_key("Ed25519"),
}


def elsewhere(lab: Lab) -> Outcome:
    """Have one server issue tokens, and another check them that holds the public key, and no store."""
    figures = []
    for scheme, new_pair in _NEW_PAIR.items():
        pair = new_pair()
        issuing = {"AUTH_PRIVATE_KEY": pair.as_pem(private=True).decode()}
        checking = {
            "AUTH_PRIVATE_KEY": "",
            "AUTH_PUBLIC_KEYS": pair.as_pem(private=False).decode(),
            "AUTH_SECRET": secrets.token_urlsafe(48),
            "REDIS_URL": "redis://127.0.0.1:1",  # nobody is there
        }
        api = lab.caller(scheme, **checking)
        accepted = sum(lab.logged_in(scheme, **issuing).at(api).read().status == 200 for _ in range(TOKENS))
        issued = sum(api.log_in(lab.account()).status == 200 for _ in range(TOKENS))
        figures += [
            ClaimFigure(name=f"{scheme}: accepted elsewhere", value=accepted, unit=f"of {TOKENS} tokens"),
            ClaimFigure(name=f"{scheme}: issued there", value=issued, unit=f"of {TOKENS} logins"),
        ]
    return decided(
        [figure.value for figure in figures] == [TOKENS, 0] * len(_NEW_PAIR),
        "a server with the public key and neither a store nor a secret in common takes what another one"
        " issued, and can issue nothing itself",
        figures,
    )


def any_library(lab: Lab) -> Outcome:
    """Check our tokens with another library (joserfc), and have ours check what that one made."""
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
                mine = claims | {"jti": secrets.token_hex(8)}
                caller.token = jwt.encode(header, mine, pair, [header["alg"]])
            written += caller.read().status == 200
        figures += [
            ClaimFigure(name=f"{scheme}: ours read by joserfc", value=read, unit=f"of {TOKENS} tokens"),
            ClaimFigure(name=f"{scheme}: joserfc's read by ours", value=written, unit=f"of {TOKENS} tokens"),
        ]
    return decided(
        all(figure.value == TOKENS for figure in figures),
        "tokens by HS256, RS256, ES256 and EdDSA pass between PyJWT and joserfc in both directions",
        figures,
    )


def leaked(lab: Lab) -> Outcome:
    """Forge an admin's token with what each checking server holds: the shared secret, or the public key."""
    figures = [_forgeries("token, by its secret", lab.logged_in("token"), lab.secret.encode())]
    for scheme, new_pair in _NEW_PAIR.items():
        pair = new_pair()
        caller = lab.logged_in(scheme, AUTH_PRIVATE_KEY=pair.as_pem(private=True).decode())
        # All that can be tried with a public key: to use its text as a secret.
        figures.append(_forgeries(f"{scheme}, by its public key", caller, pair.as_pem(private=False)))
    by_secret, *by_public_key = (figure.value for figure in figures)
    return decided(
        by_secret == TOKENS and not any(by_public_key),
        "who holds the shared secret is whoever they like, admins included; who holds a key that only"
        " verifies forges nothing",
        figures,
    )


def rotation(lab: Lab) -> Outcome:
    """Change the secret under people who are logged in, with and without the old one beside it."""
    new = secrets.token_urlsafe(48)
    overlap = {"AUTH_SECRET": new, "AUTH_SECRET_PREVIOUS": lab.secret}
    everybody = [lab.logged_in("token") for _ in range(TOKENS)]
    counts = []
    for environment in ({}, overlap, {"AUTH_SECRET": new}):
        there = lab.caller("token", **environment)
        counts.append(sum(caller.at(there).read().status == 200 for caller in everybody))
    before, with_overlap, without = counts
    return decided(
        (before, with_overlap, without) == (TOKENS, TOKENS, 0),
        "a new key by itself ends every token of everybody at once; with the old key named beside it (kid)"
        " it ends none",
        [
            ClaimFigure(name=name, value=value, unit=f"of {TOKENS} users")
            for name, value in (
                ("still in before the change", before),
                ("still in with an overlap", with_overlap),
                ("still in without one", without),
            )
        ],
    )


def _forgeries(name: str, caller: ApiClient, secret: bytes) -> ClaimFigure:
    """How many tokens are accepted as an admin's that were made from a user's and signed by a secret."""
    header, claims = read_token(caller.token)
    accepted = 0
    for number in range(TOKENS):
        mine = claims | {"sub": "124", "role": "admin", "jti": f"forged-{number}"}
        caller.token = _signed(header | {"alg": "HS256"}, mine, secret)
        accepted += caller.read_admin().status == 200
    return ClaimFigure(name=name, value=accepted, unit=f"of {TOKENS} forgeries accepted")


def _signed(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """A token by HS256, made by hand: libraries refuse a public key as a secret."""
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
        "one server issues, another checks that holds only the public key: no store, no secret in common",
        "supported when all tokens are accepted there, and none can be issued there",
        elsewhere,
    ),
    Claim(
        8,
        "standards-based: any library can read it",
        "article",
        "demonstrated",
        "tokens of four algorithms are checked by another JWT library (joserfc), and the reverse",
        "supported when every token passes in both directions",
        any_library,
    ),
    Claim(
        21,
        "who has the secret can do anything",
        "Zheng, Krebs",
        "demonstrated",
        "an admin's token is forged with the shared secret, and with the text of the public key",
        "supported when the secret's forgeries are accepted, and no public key's are",
        leaked,
    ),
    Claim(
        26,
        "change the signing key and all tokens end, for all users",
        "Peyrott, CAO",
        "demonstrated",
        "users who are logged in meet a server with a new secret, with and without the old one beside it",
        "supported when all are out without an overlap; with one nobody may be",
        rotation,
    ),
)
