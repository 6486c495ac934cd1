"""A session in the cookie itself: what nobody can read or change there, and what is waived."""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet

from servers import contract
from servers.contract import Credentials
from servers.schemes.cookie_client import ABOUT
from tests.servers.client import Client
from tests.servers.process import SECRET, Server

NAME = "cookie-client-session"
FERNET = Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"fernet:" + SECRET).digest()))


@pytest.fixture
def server(serve: Callable[[str], Server]) -> Server:
    """The server of the scheme."""
    return serve("cookie-client")


def content(caller: Client) -> dict[str, Any]:
    """Return what is in the cookie of a caller, by the secret."""
    told: dict[str, Any] = json.loads(FERNET.decrypt(caller.cookies[NAME].encode()))
    return told


def age(caller: Client, seconds: int) -> Client:
    """Return a caller with the same cookie, made so long ago."""
    told = content(caller)
    then = int(time.time()) - seconds
    old = caller.thief()
    text = json.dumps(told | {"created": then}).encode()
    old.cookies[NAME] = FERNET.encrypt_at_time(text, then).decode()
    return old


def test_it_tells_its_holder_nothing(caller: Client, account: Credentials) -> None:
    """No field of it can be read without the secret."""
    raw = base64.urlsafe_b64decode(caller.cookies[NAME])
    assert content(caller)["session"]["sub"] == account.username
    assert account.username.encode() not in raw


def test_it_cannot_be_changed(caller: Client) -> None:
    """Any other byte anywhere is another cookie, and none."""
    good = caller.cookies[NAME]
    for place in range(0, len(good) - 4, 7):
        caller.cookies[NAME] = good[:place] + ("A" if good[place] != "A" else "B") + good[place + 1 :]
        assert caller.get(contract.RESTRICTED).status == 401


def test_it_expires(caller: Client) -> None:
    """Five hours after it was set."""
    assert age(caller, contract.ABSOLUTE_TIMEOUT_S - 60).get(contract.RESTRICTED).status == 200
    assert age(caller, contract.ABSOLUTE_TIMEOUT_S + 60).get(contract.RESTRICTED).status == 401


def test_no_idle_timeout(caller: Client) -> None:
    """Waived: it is as good after thirty minutes without use."""
    assert "idle timeout" in ABOUT.waives
    assert age(caller, contract.IDLE_TIMEOUT_S + 60).get(contract.RESTRICTED).status == 200


def test_no_absolute_timeout(caller: Client) -> None:
    """Waived: every write starts its five hours afresh."""
    assert "absolute timeout" in ABOUT.waives
    old = age(caller, 3600)
    before = content(old)["created"]
    assert old.post(contract.EMAIL, {"email": "a@b.c"}).status == 200
    assert content(old)["created"] >= before + 3600


def test_lost_updates(caller: Client) -> None:
    """Waived: of two writes at once the cookie that is set last is all that is left of either."""
    assert "no lost update" in ABOUT.waives
    told = content(caller)
    told["session"]["theme"] = "dark"
    other = caller.thief()
    other.cookies[NAME] = FERNET.encrypt(json.dumps(told).encode()).decode()  # set by another request
    caller.post(contract.EMAIL, {"email": "a@b.c"})
    assert "theme" not in content(caller)["session"]


def test_a_copy_renews_itself(caller: Client) -> None:
    """Waived, and why a logout ends nothing, ever: a write with an older copy gives a fresh cookie."""
    assert {"no resurrection", "end of the replaced session"} <= set(ABOUT.waives)
    assert ABOUT.promises.logout == "never"
    thief = age(caller, 3600)
    caller.post(contract.LOGOUT)
    old = thief.cookies[NAME]
    assert thief.post(contract.EMAIL, {"email": "a@b.c"}).status == 200
    assert thief.cookies[NAME] != old
    assert content(thief)["created"] >= int(time.time()) - 60
    assert thief.get(contract.RESTRICTED).status == 200


def test_the_replaced_session_lives_on(caller: Client, account: Credentials) -> None:
    """Waived: who logs in again leaves a cookie behind that is as good as before."""
    before = caller.thief()
    caller.log_in(account)
    assert before.get(contract.RESTRICTED).status == 200
