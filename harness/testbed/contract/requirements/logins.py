"""Requirements for logins: when they issue a credential, and how they are refused."""

from __future__ import annotations

import json
from typing import Final

from harness.protocol.dialect import names_in
from harness.testbed.contract.requirement import Requirement, ServerUnderTest, UnmetError, expect
from servers.contract import AUTHENTICATE

_JSON: Final = {"Content-Type": "application/json"}
#: Characters of a username that makes a body longer than any login needs.
_LONG: Final = 1 << 20


def _issues_credential(subject: ServerUnderTest) -> None:
    client = subject.logged_in()
    if subject.transport == "bearer" and not client.token:
        raise UnmetError("it issued no token")
    if subject.transport == "cookie" and not client.cookie:
        raise UnmetError("it set no cookie")


def _returns_profile(subject: ServerUnderTest) -> None:
    accounts = subject.dialect.accounts
    response = subject.new_client().log_in(accounts.example, accounts.password)
    if subject.dialect.pick(response.json, "profile.id") is None:
        raise UnmetError(
            f"no {subject.dialect.fields.get('profile.id', 'profile.id')} in the response, which has"
            f" {names_in(response.json)}"
        )


def _refuses_wrong_password(subject: ServerUnderTest) -> None:
    for username, password in ((subject.dialect.accounts.example, "wrong"), ("no-such-account", "foobar")):
        client = subject.new_client()
        expect(client.log_in(username, password), 401, f"the login of {username} with a wrong password")
        if client.headers:
            raise UnmetError(f"{username} got a credential with a wrong password")


def _hides_the_reason(subject: ServerUnderTest) -> None:
    attempts = ((subject.dialect.accounts.example, "wrong"), ("no-such-account", "wrong"))
    bodies = {subject.new_client().log_in(*attempt).body for attempt in attempts}
    if len(bodies) > 1:
        raise UnmetError(f"a wrong password and an unknown account get different responses: {sorted(bodies)}")


def _body_must_be_json(subject: ServerUnderTest) -> None:
    for body in (b"{", b"[]", b"{}", b'{"username": 1}'):
        response = subject.new_client().request("POST", AUTHENTICATE, body, _JSON)
        expect(response, 400, f"the login {body.decode()}")


def _type_must_be_json(subject: ServerUnderTest) -> None:
    accounts = subject.dialect.accounts
    body = subject.dialect.body({"username": accounts.example, "password": accounts.password})
    response = subject.new_client().request("POST", AUTHENTICATE, body, {"Content-Type": "text/plain"})
    expect(response, 415, "a login as text/plain, which a form of another site can send,")


def _body_must_be_short(subject: ServerUnderTest) -> None:
    body = json.dumps({"username": "x" * _LONG}).encode()
    expect(
        subject.new_client().request("POST", AUTHENTICATE, body, _JSON), 413, f"a login of {_LONG:,} bytes"
    )


def _is_not_cached(subject: ServerUnderTest) -> None:
    accounts = subject.dialect.accounts
    response = subject.new_client().log_in(accounts.example, accounts.password)
    if "no-store" not in response.headers.get("Cache-Control", ""):
        raise UnmetError(f"Cache-Control is {response.headers.get('Cache-Control')!r}")


#: Position of this file in the order of checks.
ORDER: Final = 2
REQUIREMENTS: Final = (
    Requirement(
        "a login with the right password issues a credential", "needed", (AUTHENTICATE,), _issues_credential
    ),
    Requirement("a login returns the id of the account", "needed", (AUTHENTICATE,), _returns_profile),
    Requirement(
        "a login with a wrong password is refused (401)", "needed", (AUTHENTICATE,), _refuses_wrong_password
    ),
    Requirement(
        "an unknown account gets the same response as a wrong password",
        "advised",
        (AUTHENTICATE,),
        _hides_the_reason,
    ),
    Requirement("a login with an invalid body returns 400", "advised", (AUTHENTICATE,), _body_must_be_json),
    Requirement(
        "a login with another content type returns 415", "advised", (AUTHENTICATE,), _type_must_be_json
    ),
    Requirement("a login with a body of 1 MiB returns 413", "advised", (AUTHENTICATE,), _body_must_be_short),
    Requirement("a login response is not cached (no-store)", "advised", (AUTHENTICATE,), _is_not_cached),
)
