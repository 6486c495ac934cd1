"""Requirements for writes: of an email address, a password, an account by an admin, and refreshes."""

from __future__ import annotations

from typing import Final

from harness.testbed.contract.requirement import Requirement, ServerUnderTest, UnmetError, expect, returns
from servers.contract import ADMIN_ACCOUNT, EMAIL, PASSWORD, REFRESH, RESTRICTED

#: New passwords of an account, in turn, since many servers do not accept an earlier password again.
_PASSWORDS: Final = ("correct horse battery", "battery horse correct")


def _email_changes(subject: ServerUnderTest) -> None:
    client = subject.logged_in(subject.unused_account())
    response = client.write("new@example.com")
    expect(response, 200, f"POST {EMAIL}")
    if b"new@example.com" not in response.body:
        raise UnmetError(f"the response does not contain the new address: {response.body[:100]!r}")


def _password_changes(subject: ServerUnderTest) -> None:
    username, client = subject.unused_account(), subject.new_client()
    known = (subject.dialect.accounts.password, *_PASSWORDS)  # the others are from earlier checks
    old = next((password for password in known if client.log_in(username, password).status == 200), None)
    if old is None:
        raise UnmetError(f"{username} cannot log in")
    new = next(password for password in _PASSWORDS if password != old)
    wrong = client.send("POST", PASSWORD, {"old": "wrong", "new": new})
    if wrong.status not in (401, 403):
        raise UnmetError(f"a change with a wrong old password returned {wrong.status}")
    expect(client.send("POST", PASSWORD, {"old": old, "new": new}), 204, f"POST {PASSWORD}")
    expect(subject.new_client().log_in(username, old), 401, "a login with the old password")
    again = subject.new_client()
    expect(again.log_in(username, new), 200, "a login with the new password")
    again.send("POST", PASSWORD, {"old": new, "new": known[0]})  # if its rules permit it


def _block_prevents_login(subject: ServerUnderTest) -> None:
    username, admin = subject.unused_account(), subject.admin()
    route = ADMIN_ACCOUNT.format(username=username)
    expect(subject.logged_in().send("POST", route, {"disabled": True}), 403, "a block without the role")
    expect(admin.send("POST", route, {"disabled": True}), 204, "a block")
    login = subject.new_client().log_in(username, subject.dialect.accounts.password)
    expect(admin.send("POST", route, {"disabled": False}), 204, "the end of a block")
    expect(login, 401, "the login of a blocked account")


def _refresh_issues_new_pair(subject: ServerUnderTest) -> None:
    client = subject.logged_in(subject.unused_account())
    if not client.refresh_token:
        raise UnmetError("the login issued no refresh token")
    spent = client.refresh_token
    expect(client.refresh(), 200, f"POST {REFRESH}")
    expect(client.read(), 200, f"GET {RESTRICTED} with the refreshed token")
    if client.refresh_token == spent:
        raise UnmetError("the refresh token is still the same after its use")


#: Position of this file in the order of checks.
ORDER: Final = 4
REQUIREMENTS: Final = (
    Requirement("the email address can be changed", "needed", (EMAIL,), _email_changes),
    Requirement(
        "a write without a credential returns 401",
        "needed",
        (EMAIL,),
        returns(401, "POST", EMAIL, {"email": "new@example.com"}),
    ),
    Requirement("the password can be changed with the old one", "needed", (PASSWORD,), _password_changes),
    Requirement("an admin can block an account", "needed", (ADMIN_ACCOUNT,), _block_prevents_login),
    Requirement(
        "a refresh issues a new pair of tokens", "needed", (REFRESH,), _refresh_issues_new_pair, ("bearer",)
    ),
    Requirement(
        "an invalid refresh token is refused (401)",
        "needed",
        (REFRESH,),
        returns(401, "POST", REFRESH, {"refresh_token": "made-up"}, " with an invalid token"),
        ("bearer",),
    ),
)
