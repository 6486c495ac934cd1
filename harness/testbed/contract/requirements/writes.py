"""What is asked of changes: of a profile, of a password, of an account by an admin."""

from __future__ import annotations

from typing import Final

from harness.testbed.contract.requirement import (
    ADMIN_ACCOUNT,
    EMAIL,
    PASSWORD,
    READ,
    REFRESH,
    Requirement,
    ServerUnderTest,
    UnmetError,
    expect,
)

#: Of an account that is given up to this, in turn: many servers would not take the first one back.
_PASSWORDS: Final = ("correct horse battery", "battery horse correct")


def _email_changes(subject: ServerUnderTest) -> None:
    caller = subject.logged_in(subject.unused())
    reply = caller.write("new@example.com")
    expect(reply, 200, f"POST {EMAIL}")
    if b"new@example.com" not in reply.body:
        raise UnmetError(f"the answer does not say the new address: {reply.body[:100]!r}")


def _strangers_change_nothing(subject: ServerUnderTest) -> None:
    expect(subject.stranger().write("new@example.com"), 401, f"POST {EMAIL} without a credential")


def _password_changes(subject: ServerUnderTest) -> None:
    username, caller = subject.unused(), subject.stranger()
    known = (subject.dialect.accounts.password, *_PASSWORDS)  # the others from an earlier time
    old = next((one for one in known if caller.log_in(username, one).status == 200), None)
    if old is None:
        raise UnmetError(f"{username} cannot log in")
    new = next(one for one in _PASSWORDS if one != old)
    wrong = caller.send("POST", PASSWORD, {"old": "wrong", "new": new})
    if wrong.status not in (401, 403):
        raise UnmetError(f"a change with a wrong old password was answered {wrong.status}")
    expect(caller.send("POST", PASSWORD, {"old": old, "new": new}), 204, f"POST {PASSWORD}")
    expect(subject.stranger().log_in(username, old), 401, "a login with the old password")
    again = subject.stranger()
    expect(again.log_in(username, new), 200, "a login with the new password")
    again.send("POST", PASSWORD, {"old": new, "new": known[0]})  # as far as its rules allow


def _block_keeps_out(subject: ServerUnderTest) -> None:
    username, admin = subject.unused(), subject.admin()
    route = ADMIN_ACCOUNT.format(username=username)
    expect(subject.somebody().send("POST", route, {"disabled": True}), 403, "a block without the role")
    expect(admin.send("POST", route, {"disabled": True}), 204, "a block")
    login = subject.stranger().log_in(username, subject.dialect.accounts.password)
    expect(admin.send("POST", route, {"disabled": False}), 204, "the end of a block")
    expect(login, 401, "the login of a blocked account")


def _refresh_gives_the_next(subject: ServerUnderTest) -> None:
    caller = subject.logged_in(subject.unused())
    if not caller.refresh_token:
        raise UnmetError("the login issued no refresh token")
    spent = caller.refresh_token
    expect(caller.refresh(), 200, f"POST {REFRESH}")
    expect(caller.read(), 200, f"GET {READ} with what it gave")
    if caller.refresh_token == spent:
        raise UnmetError("the refresh token is not spent by using it")


def _made_up_refresh_is_refused(subject: ServerUnderTest) -> None:
    reply = subject.stranger().send("POST", REFRESH, {"refresh_token": "made-up"})
    expect(reply, 401, f"POST {REFRESH} with a token that nobody issued")


#: Position among the files of this folder, in which requirements are checked.
ORDER: Final = 4
REQUIREMENTS: Final = (
    Requirement("an email address changes", "needed", (EMAIL,), _email_changes),
    Requirement("without a credential nothing changes", "needed", (EMAIL,), _strangers_change_nothing),
    Requirement("a password changes for who knows the old one", "needed", (PASSWORD,), _password_changes),
    Requirement("an admin keeps an account out", "needed", (ADMIN_ACCOUNT,), _block_keeps_out),
    Requirement("a refresh gives the next pair", "needed", (REFRESH,), _refresh_gives_the_next, ("bearer",)),
    Requirement(
        "a made-up refresh token is 401", "needed", (REFRESH,), _made_up_refresh_is_refused, ("bearer",)
    ),
)
