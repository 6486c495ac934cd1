"""Tokens by key pairs: a public key verifies and cannot sign, whatever a token claims of itself."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from servers import contract, signing_keys
from servers.credentials.identity import Identity
from servers.credentials.tokens import TYPE, Tokens
from servers.errors import UsageError
from servers.settings import Settings
from tests.servers.client import Client
from tests.servers.process import ROOT, Server, run_command

JOHN = Identity("123", "John", "Doe", "john@doe.com", "user")

#: The schemes, their algorithms, and how their keys are made.
SCHEMES: dict[str, tuple[str, Callable[[], Any]]] = {
    "token-rs256": ("RS256", lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)),
    "token-es256": ("ES256", lambda: ec.generate_private_key(ec.SECP256R1())),
    "token-eddsa": ("EdDSA", ed25519.Ed25519PrivateKey.generate),
}


def private_pem(key: Any) -> bytes:
    """Return a private key as a server is given it."""
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem


def public_pem(key: Any) -> bytes:
    """Return the public half of a private key as a server is given it."""
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def issuer(scheme: str, key: Any) -> Tokens:
    """Return what signs by `key` for a scheme, in a process of its own as far as any server knows."""
    return Tokens(signing_keys.pair(SCHEMES[scheme][0], settings(private_key=private_pem(key))), scheme)


def token_of(tokens: Tokens) -> str:
    """Return a token that these sign for John."""
    return tokens.sign(tokens.claims(JOHN))


def settings(**keys: bytes) -> Settings:
    """Return settings with these keys, and nothing else that matters."""
    return Settings(Path("unused"), (b"x" * 32,), **keys)  # type: ignore[arg-type]


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> str:
    """Each of them."""
    return str(request.param)


@pytest.fixture
def algorithm(scheme: str) -> str:
    """Its algorithm."""
    return SCHEMES[scheme][0]


@pytest.fixture
def key(scheme: str) -> Any:
    """A private key for it."""
    return SCHEMES[scheme][1]()


@pytest.fixture
def start(scheme: str, accounts_file: Path, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Returns a function that starts a server of the scheme with keys, and gives a caller of it."""
    running: list[Server] = []

    def get(**env: str) -> Client:
        log = tmp_path / f"log-{len(running)}"
        running.append(Server(scheme, "--accounts", str(accounts_file), log=log, env=env))
        return Client(running[-1].port)

    yield get
    assert [server.stop() for server in running] == [0] * len(running)
    assert [server.errors for server in running] == [""] * len(running)


def status(client: Client, token: str) -> int:
    """Tell how a token is received."""
    client.token = token
    return client.get(contract.RESTRICTED).status


def test_issued_elsewhere(start: Callable[..., Client], scheme: str, key: Any, tmp_path: Path) -> None:
    """A server with the public key alone takes what another process issued, and issues nothing itself."""
    file = tmp_path / "public.pem"
    file.write_bytes(public_pem(key))
    api = start(AUTH_PUBLIC_KEYS_FILE=str(file))
    assert api.get(contract.HEALTH).status == 200
    answer = api.log_in(contract.EXAMPLE)
    assert (answer.status, answer.json) == (404, {"error": "not_offered"})
    assert status(api, token_of(issuer(scheme, key))) == 200
    change = {"old": contract.EXAMPLE.password, "new": "correct horse"}
    assert api.post(contract.PASSWORD, change).status == 404
    assert status(api, token_of(issuer(scheme, SCHEMES[scheme][1]()))) == 401


def test_the_public_key_signs_nothing(start: Callable[..., Client], scheme: str, key: Any) -> None:
    """Whoever knows it cannot forge: not as a secret of HS256, the classic confusion, and not unsigned."""
    api = start(AUTH_PRIVATE_KEY=private_pem(key).decode())
    tokens = issuer(scheme, key)
    genuine = token_of(tokens)
    kid = jwt.get_unverified_header(genuine)["kid"]
    assert status(api, genuine) == 200
    claims = tokens.verify(genuine)
    header = {"typ": TYPE, "kid": kid}
    secret = public_pem(key)
    # PyJWT itself refuses to sign by a PEM as secret; another library need not.
    signing_input = jwt.encode(claims, b"y" * 32, algorithm="HS256", headers=header).rpartition(".")[0]
    mac = jwt.get_algorithm_by_name("HS256").sign(signing_input.encode(), secret)
    forged = f"{signing_input}.{jwt.utils.base64url_encode(mac).decode()}"
    assert status(api, forged) == 401
    assert status(api, jwt.encode(claims, "", algorithm="none", headers=header)) == 401
    assert status(api, f"{genuine.rpartition('.')[0]}.") == 401


def test_keys_rotate_with_an_overlap(start: Callable[..., Client], scheme: str, key: Any) -> None:
    """What was signed before a change works while the old public key is named, and no longer."""
    old_key, new_key = key, SCHEMES[scheme][1]()
    before = start(AUTH_PRIVATE_KEY=private_pem(old_key).decode())
    before.log_in(contract.EXAMPLE)
    new = {"AUTH_PRIVATE_KEY": private_pem(new_key).decode()}
    overlap = start(**new, AUTH_PUBLIC_KEYS=public_pem(old_key).decode())
    assert status(overlap, before.token) == 200
    overlap.token = ""
    overlap.log_in(contract.EXAMPLE)
    after = start(**new)
    assert status(after, overlap.token) == 200
    assert status(after, before.token) == 401


def test_a_new_key_by_command(algorithm: str) -> None:
    """What the command prints is what a server takes, another one each time."""
    made = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "servers.signing_keys", algorithm],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        made.append(signing_keys.pair(algorithm, settings(private_key=done.stdout)).keys[0].name)
    assert made[0] != made[1]


def test_a_random_key_where_none_is_given(algorithm: str) -> None:
    """It is another one in each process."""
    one, other = (signing_keys.pair(algorithm, settings()) for _ in range(2))
    assert one.keys[0].name != other.keys[0].name


@pytest.mark.parametrize("other", SCHEMES)
def test_keys_of_another_kind(scheme: str, algorithm: str, other: str) -> None:
    """A key that is none for the algorithm is refused when the server starts."""
    key = SCHEMES[other][1]()
    for keys in ({"private_key": private_pem(key)}, {"public_keys": public_pem(key)}):
        if other == scheme:
            assert signing_keys.pair(algorithm, settings(**keys)).algorithm == algorithm
        else:
            with pytest.raises(UsageError, match=f"does not fit {algorithm}"):
                signing_keys.pair(algorithm, settings(**keys))


def test_short_rsa_keys() -> None:
    """RS256 needs 2048 bits (RFC 7518 section 3.3)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that is the test
    with pytest.raises(UsageError, match="2048 bits"):
        signing_keys.pair("RS256", settings(private_key=private_pem(key)))


def test_what_is_no_key_is_refused_unquoted(key: Any) -> None:
    """The server does not start, and says why without quoting a word of it."""
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2"))
    for env in (
        {"AUTH_PRIVATE_KEY": "hunter2"},
        {"AUTH_PRIVATE_KEY": locked.decode()},
        {"AUTH_PUBLIC_KEYS": "hunter2"},
    ):
        done = run_command("token-eddsa", "--json", "--port", "0", "--password-cost", "bench", env=env)
        assert done.returncode == 2
        assert "PEM" in done.stderr
        assert "Traceback" not in done.stderr
        assert "hunter2" not in done.stderr
