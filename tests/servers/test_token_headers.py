"""Headers of tokens that no token of ours has, signed by who holds the key, under every scheme of tokens."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.utils import base64url_encode

from servers import contract, schemes, signing_keys
from tests.servers.client import Client
from tests.servers.conftest import AUTHENTICATING
from tests.servers.process import SECRET, Server, errors_in

#: The schemes of tokens; that all others issue something else is tested here.
SIGNED = [name for name in AUTHENTICATING if name.startswith("token")]

#: What else a header may say than ours do. `b64: false` is RFC 7797's payload that is not in the token.
STRANGE: list[dict[str, Any]] = [
    {"kid": 5},
    {"kid": ["a", "b"]},
    {"kid": {}},
    {"kid": None},
    {"kid": "another"},
    {"crit": ["exp"], "exp": 0},
    {"crit": ["x"], "x": True},
    {"crit": [5]},
    {"crit": []},
    {"crit": "x"},
    {"crit": None},
    {"crit": ["b64"], "b64": False},
]


@dataclass(frozen=True)
class Signer:
    """Whoever holds a server's key: a secret, or a private key."""

    server: Server
    algorithm: str
    key: Any

    def signed(self, header: dict[str, Any], like: str) -> str:
        """A token of this header, with the claims of a genuine one."""
        text = f"{base64url_encode(json.dumps(header).encode()).decode()}.{like.split('.')[1]}"
        signature = jwt.get_algorithm_by_name(self.algorithm).sign(text.encode(), self.key)
        return f"{text}.{base64url_encode(signature).decode()}"


@pytest.fixture(
    scope="module",
    params=itertools.product(SIGNED, ("one key", "two keys")),
    ids=", ".join,
)
def signer(
    request: pytest.FixtureRequest,
    store_url: str,
    accounts_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Signer]:
    """A server of each scheme with the key that signs alone, and with another that verifies beside it."""
    scheme, keys = request.param
    algorithm = schemes.load(scheme).ABOUT.key_pair
    key, environment = _keys(algorithm, overlap=keys == "two keys")
    log = tmp_path_factory.mktemp("logs") / scheme
    options = ("--accounts", str(accounts_file))
    server = Server(scheme, *options, log=log, env={"REDIS_URL": store_url} | environment)
    try:
        yield Signer(server, algorithm or "HS256", key)
    finally:
        assert server.stop() == 0
        assert errors_in(log) == "", "a request that is refused is no error of the server's"


def _keys(algorithm: str, *, overlap: bool) -> tuple[Any, dict[str, str]]:
    if not algorithm:
        return SECRET, {"AUTH_SECRET_PREVIOUS": "another secret of thirty-two bytes"} if overlap else {}
    pem = signing_keys.new_private_key(algorithm)
    environment = {"AUTH_PRIVATE_KEY": pem.decode()}
    if overlap:
        environment["AUTH_PUBLIC_KEYS"] = _public(signing_keys.new_private_key(algorithm))
    return load_pem_private_key(pem, None), environment


def _public(pem: bytes) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = load_pem_private_key(pem, None).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_headers_that_are_not_ours(signer: Signer) -> None:
    """Each is refused as an invalid token, never 500; the same signature under our own header passes."""
    client = Client(signer.server.port)
    assert client.log_in(contract.EXAMPLE).status == 200
    genuine = client.secret
    header = jwt.get_unverified_header(genuine)

    def status(changes: dict[str, Any]) -> int:
        caller = client.thief()
        forged = signer.signed(header | changes, genuine)
        if caller.token:
            caller.token = forged
        else:
            [name] = [name for name, value in caller.cookies.items() if value == genuine]
            caller.cookies[name] = forged
        return caller.get(contract.RESTRICTED).status

    assert status({}) == 200
    got = {json.dumps(changes): status(changes) for changes in STRANGE}
    assert got == dict.fromkeys(got, 401)


@pytest.mark.parametrize("scheme", [name for name in AUTHENTICATING if name not in SIGNED])
def test_no_other_scheme_issues_tokens(serve: Callable[[str], Server], scheme: str) -> None:
    """Otherwise it would have to be tested above."""
    client = Client(serve(scheme).port)
    assert client.log_in(contract.EXAMPLE).status == 200
    with pytest.raises(jwt.DecodeError):
        jwt.get_unverified_header(client.secret)
