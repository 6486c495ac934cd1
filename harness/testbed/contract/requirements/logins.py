"""What is asked of logins: who gets a credential, and what is told to who does not."""

from __future__ import annotations

import json
from typing import Final

from harness.protocol.dialect import names_in
from harness.testbed.contract.requirement import LOGIN, Requirement, ServerUnderTest, UnmetError, expect

_JSON: Final = {"Content-Type": "application/json"}
#: A body past any limit that a login needs.
_LONG: Final = 1 << 20


def _issues(subject: ServerUnderTest) -> None:
    caller = subject.somebody()
    if subject.transport == "bearer" and not caller.token:
        raise UnmetError("it issued no token")
    if subject.transport == "cookie" and not caller.cookie:
        raise UnmetError("it set no cookie")


def _issues_a_profile(subject: ServerUnderTest) -> None:
    accounts = subject.dialect.accounts
    reply = subject.stranger().log_in(accounts.example, accounts.password)
    if subject.dialect.pick(reply.json, "profile.id") is None:
        raise UnmetError(
            f"no {subject.dialect.fields.get('profile.id', 'profile.id')} in the answer, which has"
            f" {names_in(reply.json)}"
        )


def _refuses(subject: ServerUnderTest) -> None:
    for username, password in ((subject.dialect.accounts.example, "wrong"), ("nobody-at-all", "foobar")):
        caller = subject.stranger()
        expect(caller.log_in(username, password), 401, f"the login of {username} with a wrong password")
        if caller.headers:
            raise UnmetError(f"{username} got a credential with a wrong password")


def _tells_not_why(subject: ServerUnderTest) -> None:
    attempts = ((subject.dialect.accounts.example, "wrong"), ("nobody-at-all", "wrong"))
    told = {subject.stranger().log_in(*attempt).body for attempt in attempts}
    if len(told) > 1:
        raise UnmetError(f"a wrong password and an unknown account are told apart: {sorted(told)}")


def _body_must_be_json(subject: ServerUnderTest) -> None:
    for body in (b"{", b"[]", b"{}", b'{"username": 1}'):
        reply = subject.stranger().request("POST", LOGIN, body, _JSON)
        expect(reply, 400, f"the login {body.decode()}")


def _type_must_be_json(subject: ServerUnderTest) -> None:
    accounts = subject.dialect.accounts
    body = subject.dialect.body({"username": accounts.example, "password": accounts.password})
    reply = subject.stranger().request("POST", LOGIN, body, {"Content-Type": "text/plain"})
    expect(reply, 415, "a login as text/plain, which a form of another site can send,")


def _body_must_be_short(subject: ServerUnderTest) -> None:
    body = json.dumps({"username": "x" * _LONG}).encode()
    expect(subject.stranger().request("POST", LOGIN, body, _JSON), 413, f"a login of {_LONG:,} bytes")


def _is_not_kept(subject: ServerUnderTest) -> None:
    accounts = subject.dialect.accounts
    reply = subject.stranger().log_in(accounts.example, accounts.password)
    if "no-store" not in reply.headers.get("Cache-Control", ""):
        raise UnmetError(f"Cache-Control is {reply.headers.get('Cache-Control')!r}")


#: Position among the files of this folder, in which requirements are checked.
ORDER: Final = 2
REQUIREMENTS: Final = (
    Requirement("the right password gets a credential", "needed", (LOGIN,), _issues),
    Requirement("a login says whose account it is", "needed", (LOGIN,), _issues_a_profile),
    Requirement("a wrong password gets none", "needed", (LOGIN,), _refuses),
    Requirement("an unknown account is answered as a wrong password is", "advised", (LOGIN,), _tells_not_why),
    Requirement("a body that is not the JSON asked for is 400", "advised", (LOGIN,), _body_must_be_json),
    Requirement("another content type is 415", "advised", (LOGIN,), _type_must_be_json),
    Requirement("a long body is 413", "advised", (LOGIN,), _body_must_be_short),
    Requirement("a credential is not to be kept by caches", "advised", (LOGIN,), _is_not_kept),
)
