"""Requirements for reads: which are permitted, and which account they return."""

from __future__ import annotations

from typing import Final

from harness.testbed.contract.requirement import (
    ADMIN,
    HEALTH,
    PUBLIC,
    READ,
    Requirement,
    ServerUnderTest,
    UnmetError,
    expect,
)


def _health_returns_200(subject: ServerUnderTest) -> None:
    expect(subject.new_client().send("GET", HEALTH), 200, f"GET {HEALTH}")


def _public_returns_200(subject: ServerUnderTest) -> None:
    expect(subject.new_client().send("GET", PUBLIC), 200, f"GET {PUBLIC}")


def _public_is_as_long(subject: ServerUnderTest) -> None:
    public = subject.new_client().send("GET", PUBLIC).body
    read = subject.logged_in(subject.unused_account()).read().body
    if abs(len(public) - len(read)) > _MAX_DIFFERENCE:
        raise UnmetError(f"the public response has {len(public)} bytes, a restricted one {len(read)}")


def _read_needs_credential(subject: ServerUnderTest) -> None:
    expect(subject.new_client().read(), 401, f"GET {READ} without a credential")


def _read_returns_account(subject: ServerUnderTest) -> None:
    ids = {}
    for username in (subject.dialect.accounts.example, subject.unused_account()):
        client = subject.new_client()
        login = client.log_in(username, subject.dialect.accounts.password)
        expect(login, 200, f"the login of {username}")
        response = client.read()
        expect(response, 200, f"GET {READ} of {username}")
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
    expect(subject.example_user().read_admin(), 403, f"GET {ADMIN} without the role")
    expect(subject.admin().read_admin(), 200, f"GET {ADMIN} of an admin")


#: Bytes by which the lengths of the two responses may differ, since names and numbers do.
_MAX_DIFFERENCE: Final = 16

#: Position of this file in the order of checks.
ORDER: Final = 1
REQUIREMENTS: Final = (
    Requirement(
        "the health route returns 200",
        "advised",
        (HEALTH,),
        _health_returns_200,
        ("cookie", "bearer", "none"),
    ),
    Requirement(
        "the public route needs no credential",
        "needed",
        (PUBLIC,),
        _public_returns_200,
        ("cookie", "bearer", "none"),
    ),
    Requirement("a read without a credential returns 401", "needed", (READ,), _read_needs_credential),
    Requirement("a read returns the id of the account", "needed", (READ,), _read_returns_account),
    Requirement(
        "the public response is as long as a restricted one", "advised", (PUBLIC, READ), _public_is_as_long
    ),
    Requirement("a 401 has a WWW-Authenticate challenge", "advised", (READ,), _challenges),
    Requirement("only admins can read the admin resource", "needed", (ADMIN,), _admin_needs_role),
)
