"""Secrets are changed under credentials that people hold."""

from collections.abc import Callable
from pathlib import Path

import pytest

from servers import contract, schemes
from servers.contract import Credentials
from tests.servers.client import Client
from tests.servers.conftest import AUTHENTICATING
from tests.servers.process import SECRET, Server, errors_in

NEW = {"AUTH_SECRET": "another secret of thirty-two bytes"}
OVERLAP = NEW | {"AUTH_SECRET_PREVIOUS": SECRET.decode()}

#: Schemes whose credential is a random id, which nobody signs. The CSRF token beside it is signed.
UNSIGNED = ["cookie", "cookie-stock", "opaque-bearer"]

#: Schemes with key pairs; their own test is in test_public_keys.py.
PAIRED = [name for name in AUTHENTICATING if schemes.load(name).ABOUT.promises.verified_elsewhere]


@pytest.fixture(params=[name for name in AUTHENTICATING if name not in PAIRED])
def old(request: pytest.FixtureRequest, serve: Callable[[str], Server]) -> Server:
    """The server before the change, which signs by `SECRET`."""
    return serve(request.param)


def works(client: Client, account: Credentials) -> tuple[bool, bool]:
    """Tell whether what a caller carries is good for reading, and for writing."""
    read = client.get(contract.RESTRICTED).status
    write = client.post(contract.EMAIL, {"email": f"{account.username}@example.org"}).status
    return read == 200, write == 200


def test_secrets_rotate_with_an_overlap(
    old: Server, account: Credentials, store_url: str, accounts_file: Path, tmp_path: Path
) -> None:
    """What was signed before a change works as long as the old secret is named, and no longer."""
    before = Client(old.port)
    before.log_in(account)
    options = ("--accounts", str(accounts_file))
    for environment, good in ((OVERLAP, True), (NEW, False)):
        log = tmp_path / f"log-{good}"
        server = Server(old.scheme, *options, log=log, env={"REDIS_URL": store_url} | environment)
        try:
            replayed = before.thief()  # as it was, whatever an answer replaces it with
            replayed.port = server.port
            read, write = works(replayed, account)
            assert read == (good or old.scheme in UNSIGNED)
            assert write == (good or (old.scheme in UNSIGNED and not before.csrf))
            fresh = Client(server.port)
            fresh.log_in(account)
            assert works(fresh, account) == (True, True)
            if good:  # what is signed during the overlap needs the old secret no more
                during = fresh
            during.port = server.port
            assert works(during, account) == (True, True)
        finally:
            assert server.stop() == 0
            assert errors_in(log) == ""
