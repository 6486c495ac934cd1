"""Attacks on JSON Web Tokens, against a live server."""

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import jwt
import pytest

from servers import contract, schemes, signing_keys
from servers.contract import Credentials
from servers.credentials import tokens
from servers.credentials.identity import Identity
from servers.errors import UsageError
from servers.settings import MAX_CREDENTIAL_BYTES, Settings, new_secret
from tests.servers.client import Client
from tests.servers.process import SECRET, Server

JOHN = Identity("123", "John", "Doe", "john@doe.com", "user")
NOW = int(time.time())
#: Later than any of these tests runs: all are collected first, which on a slow machine is long before.
LATER = NOW + 4 * 3600
OURS = tokens.Tokens(signing_keys.shared([SECRET]), "token")
GOOD_HEADER = jwt.get_unverified_header(OURS.sign(OURS.claims(JOHN)))
GOOD_CLAIMS = OURS.verify(OURS.sign(OURS.claims(JOHN)))


@pytest.fixture(params=["token", "token-joserfc"])
def status(
    request: pytest.FixtureRequest, serve: Callable[[str], Server], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], int]:
    """Returns a function that tells how either library receives a token, and checks the form of a refusal."""
    client = Client(serve(request.param).port)
    monkeypatch.setitem(GOOD_CLAIMS, "aud", f"{tokens.ISSUER}/{request.param}")

    def get(token: str) -> int:
        answer = client.send("GET", contract.RESTRICTED, headers={"Authorization": f"Bearer {token}"})
        if answer.status != 200:
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
            assert token.encode() not in answer.body
        return answer.status

    return get


def forge(
    claims: dict[str, Any] | None = None,
    header: dict[str, Any] | None = None,
    key: bytes = SECRET,
    algorithm: str = "HS256",
    drop: str = "",
) -> str:
    """Return a good token but for what the arguments say."""
    payload = {name: value for name, value in (GOOD_CLAIMS | (claims or {})).items() if name != drop}
    extra = {name: value for name, value in (GOOD_HEADER | (header or {})).items() if name != "alg"}
    return jwt.encode(payload, key, algorithm=algorithm, headers=extra)


def unsigned(alg: str) -> str:
    """Return a token that says it is signed by `alg`, and is not."""
    parts = [json.dumps(GOOD_HEADER | {"alg": alg}), json.dumps(GOOD_CLAIMS)]
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts) + "."


def test_a_token_by_the_holder_of_the_secret(status: Callable[[str], int]) -> None:
    """The forgery that the others vary would pass: they fail for what they vary alone."""
    assert status(forge()) == 200


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", "HS256"])
def test_no_signature(status: Callable[[str], int], alg: str) -> None:
    """An unsigned token is refused however it spells its algorithm."""
    assert status(unsigned(alg)) == 401


def test_another_key(status: Callable[[str], int]) -> None:
    """A token signed by who does not know the secret is refused, under our key's name too."""
    assert status(forge(key=b"x" * 32)) == 401


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")  # ours is one for HS256
@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm(status: Callable[[str], int], algorithm: str) -> None:
    """The right secret by another algorithm is refused: the list is fixed."""
    assert status(forge(algorithm=algorithm)) == 401


def test_a_key_by_another_name(status: Callable[[str], int]) -> None:
    """The right secret under a name that is not its own is refused."""
    assert status(forge(header={"kid": "x"})) == 401


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA", "PS512"])
def test_a_key_of_another_kind(status: Callable[[str], int], alg: str) -> None:
    """A header that names a public-key algorithm is refused, whatever signature follows."""
    head, claims, signature = forge().split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="[: -len(head) % 4])) | {"alg": alg}
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    assert status(f"{head}.{claims}.{signature}") == 401


@pytest.mark.parametrize("name", ["exp", "iat", "iss", "aud", "jti", "sub", "role"])
def test_a_missing_claim(status: Callable[[str], int], name: str) -> None:
    """Every claim is required."""
    assert status(forge(drop=name)) == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - tokens.LEEWAY_S - 1},
        {"exp": "soon"},
        {"nbf": LATER},
        {"iat": LATER},
        {"iss": "somebody else"},
        {"aud": "another service"},
        {"aud": []},
        {"sub": 123},
        {"jti": 5},
        {"role": ["admin"]},
        {"email": None},
        {"first_name": {"a": 1}},
        {"last_name": True},
    ],
)
def test_a_wrong_claim(status: Callable[[str], int], claims: dict[str, Any]) -> None:
    """Expired, not valid yet, by another issuer, for another audience, or of the wrong type."""
    assert status(forge(claims)) == 401


@pytest.mark.parametrize(
    "header",
    [{"typ": "JWT"}, {"typ": "rt+jwt"}, {"typ": None}, {"kid": "another"}, {"crit": ["x"]}],
)
def test_a_wrong_header(status: Callable[[str], int], header: dict[str, Any]) -> None:
    """A token made for another purpose, or under a key that there is not, is refused (RFC 8725 3.11)."""
    assert status(forge(header=header)) == 401


@pytest.mark.parametrize("token", ["x", "..", "a.b.c", "e30.e30.e30", "é.é.é", "x" * 4097, "Bearer " + "x"])
def test_no_token_at_all(status: Callable[[str], int], token: str) -> None:
    """What is no JWT is 401, never 500."""
    assert status(token.encode().decode("latin-1")) == 401


def test_a_token_past_the_limit(status: Callable[[str], int]) -> None:
    """Not even a good one is looked at that is longer than 4 KB."""
    # Base64 has no text of every length, so the header has to give too.
    good = (forge({"first_name": "x" * n}, {"cty": "x" * m}) for n in range(2700, 2800) for m in range(3))
    by_length = {len(token): token for token in good}
    assert status(by_length[MAX_CREDENTIAL_BYTES]) == 200
    assert status(by_length[MAX_CREDENTIAL_BYTES + 1]) == 401


def test_tampering(status: Callable[[str], int]) -> None:
    """Claims changed under an old signature are refused."""
    head, _, signature = forge().split(".")
    claims = base64.urlsafe_b64encode(json.dumps(GOOD_CLAIMS | {"role": "admin"}).encode()).decode()
    assert status(f"{head}.{claims.rstrip('=')}.{signature}") == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic am9objpmb29iYXI=", "Token abc"])
def test_no_bearer_credential_is_not_called_invalid(serve: Callable[[str], Server], header: str) -> None:
    """Where no credential came, the challenge has no error code (RFC 6750 section 3)."""
    answer = Client(serve("token").port).send("GET", contract.RESTRICTED, headers={"Authorization": header})
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="api"')


def test_the_scheme_is_case_insensitive(serve: Callable[[str], Server]) -> None:
    """`bearer` is `Bearer` (RFC 9110 section 11.1)."""
    headers = {"Authorization": f"bearer {forge()}"}
    assert Client(serve("token").port).send("GET", contract.RESTRICTED, headers=headers).status == 200


def test_a_token_says_what_a_session_says() -> None:
    """Both carry the fields of the contract, and a token its own claims besides."""
    assert set(contract.IDENTITY_FIELDS) == set(Identity._fields)
    assert GOOD_CLAIMS.keys() == {*contract.IDENTITY_FIELDS, "iss", "aud", "iat", "exp", "jti"}
    assert GOOD_CLAIMS["exp"] - GOOD_CLAIMS["iat"] == contract.ABSOLUTE_TIMEOUT_S


#: Every scheme whose tokens are signed by the shared secret and travel as bearer.
SHARING = ["token", "token-cutoff", "token-denylist", "token-lookup", "token-refresh", "token-stateful"]


@pytest.mark.parametrize("issuer", SHARING)
def test_no_scheme_takes_anothers_tokens(
    serve: Callable[[str], Server], account: Credentials, issuer: str
) -> None:
    """Though they share the secret: a token that only the one could end must not let in at the other."""
    caller = Client(serve(issuer).port)
    caller.log_in(account)
    for scheme in SHARING:
        elsewhere = caller.thief()
        elsewhere.port = serve(scheme).port
        assert elsewhere.get(contract.RESTRICTED).status == (200 if scheme == issuer else 401)


def test_keys_overlap() -> None:
    """After a change of keys the first signs, the old one still verifies, and a dropped one does not."""
    old = tokens.Tokens(signing_keys.shared([b"o" * 32]), "token")
    both = tokens.Tokens(signing_keys.shared([b"n" * 32, b"o" * 32]), "token")
    new = tokens.Tokens(signing_keys.shared([b"n" * 32]), "token")
    assert both.verify(old.sign(old.claims(JOHN)))["sub"] == "123"
    assert new.verify(both.sign(both.claims(JOHN)))["sub"] == "123"
    for token in (old.sign(old.claims(JOHN)), jwt.encode({}, b"n" * 32), "x"):
        with pytest.raises(tokens.InvalidTokenError):
            new.verify(token)
        with pytest.raises(tokens.InvalidTokenError):
            tokens.Tokens(signing_keys.shared([b"n" * 32, b"z" * 32]), "token").verify(token)


def test_weak_secrets_cannot_sign() -> None:
    """HS256 needs 32 bytes (RFC 7518 section 3.2)."""
    with pytest.raises(UsageError, match="32 bytes"):
        tokens.Tokens(signing_keys.shared([b"x" * 31]), "token")


@pytest.mark.parametrize("name", ["token", "token-joserfc"])
def test_clocks_may_differ_a_little(name: str) -> None:
    """A token is accepted some seconds before and after its times; one of a short life is not."""
    settings = Settings(Path("unused"), (SECRET,))
    kind = type(cast(Any, schemes.load(name).build(name, settings))._tokens)
    keyring = signing_keys.shared([SECRET])
    verifier, short = kind(keyring, name), kind(keyring, name, 2)
    now = time.time()
    for change in ({"exp": now - 1}, {"iat": now + 3}, {"nbf": now + 3}):
        token = verifier.sign(verifier.claims(JOHN) | {claim: int(at) for claim, at in change.items()})
        assert verifier.verify(token)["sub"] == "123"
        with pytest.raises(tokens.InvalidTokenError):
            short.verify(token)
    late = now - tokens.LEEWAY_S - 1
    with pytest.raises(tokens.InvalidTokenError):
        verifier.verify(verifier.sign(verifier.claims(JOHN) | {"exp": int(late)}))


def test_a_key_is_prepared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyJWT's checks of a key run for its first token only."""
    looked: list[bytes] = []
    monkeypatch.setattr("jwt.algorithms.is_pem_format", looked.append)  # None: it is no PEM
    secret = new_secret()
    fresh = tokens.Tokens(signing_keys.shared([secret]), "token")
    for _ in range(3):
        fresh.verify(fresh.sign(fresh.claims(JOHN)))
    assert looked == [secret]


def test_a_header_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With several keys ours are found by the header as it is encoded; another issuer's by its `kid`."""
    first, second = new_secret(), new_secret()
    both = tokens.Tokens(signing_keys.shared([first, second]), "token")
    older = tokens.Tokens(signing_keys.shared([second]), "token")
    parsed: list[str] = []
    kept = jwt.get_unverified_header

    def noted(token: str) -> dict[str, Any]:
        parsed.append(token)
        return kept(token)

    monkeypatch.setattr("jwt.get_unverified_header", noted)
    for signer in (both, older):
        assert both.verify(signer.sign(signer.claims(JOHN)))["sub"] == "123"
    assert parsed == []
    headers = dict(reversed(older._header(older._signing_key).items()))
    other = jwt.encode(older.claims(JOHN), second, algorithm="HS256", headers=headers, sort_headers=False)
    assert both.verify(other)["sub"] == "123"
    assert parsed == [other]
