"""Requirements for reads: which are permitted, and which account they return."""

from __future__ import annotations

from typing import Final

from harness.testbed.contract.requirement import Requirement, ServerUnderTest, UnmetError, expect, returns
from servers.contract import ADMIN, HEALTH, PUBLIC, RESTRICTED


def _public_is_as_long(subject: ServerUnderTest) -> None:
    public = subject.new_client().send("GET", PUBLIC).body
    read = subject.logged_in(subject.unused_account()).read().body
    if abs(len(public) - len(read)) > 16:  # names and numbers may differ in length
        raise UnmetError(f"the public response has {len(public)} bytes, a restricted one {len(read)}")


def _read_returns_account(subject: ServerUnderTest) -> None:
    ids = {}
    for username in (subject.dialect.accounts.example, subject.unused_account()):
        client = subject.new_client()
        login = client.log_in(username, subject.dialect.accounts.password)
        expect(login, 200, f"the login of {username}")
        response = client.read()
        expect(response, 200, f"GET {RESTRICTED} of {username}")
        account = subject.dialect.pick(response.json, "id")
        issued = subject.dialect.pick(login.json, "profile.id")
        if account is None or str(account) != str(issued):
            raise UnmetError(f"the login of {username} returned id {issued!r}, but the read {account!r}")
        ids[username] = account
    if len(set(ids.values())) < len(ids):
        raise UnmetError(f"reads of two accounts return the same id: {ids}")


def _challenges(subject: ServerUnderTest) -> None:
    challenge = subject.new_client().read().headers.get("WWW-Authenticate")
    if challenge is None:
        raise UnmetError("the 401 has no WWW-Authenticate")
    if "error=" in challenge:
        raise UnmetError(f"no credential was sent, but the challenge reports an error: {challenge}")


def _admin_needs_role(subject: ServerUnderTest) -> None:
    expect(subject.new_client().read_admin(), 401, f"GET {ADMIN} without a credential")
    expect(subject.logged_in().read_admin(), 403, f"GET {ADMIN} without the role")
    expect(subject.admin().read_admin(), 200, f"GET {ADMIN} of an admin")


#: Position of this file in the order of checks.
ORDER: Final = 1
REQUIREMENTS: Final = (
    Requirement(
        "the health route returns 200",
        "advised",
        (HEALTH,),
        returns(200, "GET", HEALTH),
        ("cookie", "bearer", "none"),
    ),
    Requirement(
        "the public route needs no credential",
        "needed",
        (PUBLIC,),
        returns(200, "GET", PUBLIC),
        ("cookie", "bearer", "none"),
    ),
    Requirement(
        "a read without a credential returns 401", "needed", (RESTRICTED,), returns(401, "GET", RESTRICTED)
    ),
    Requirement("a read returns the id of the account", "needed", (RESTRICTED,), _read_returns_account),
    Requirement(
        "the public response is as long as a restricted one",
        "advised",
        (PUBLIC, RESTRICTED),
        _public_is_as_long,
    ),
    Requirement("a 401 has a WWW-Authenticate challenge", "advised", (RESTRICTED,), _challenges),
    Requirement("only admins can read the admin resource", "needed", (ADMIN,), _admin_needs_role),
)
