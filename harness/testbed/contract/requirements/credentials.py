"""Requirements for credentials: how they are transmitted, and which are refused."""

from __future__ import annotations

import base64
import json
from typing import Final

from harness.protocol.dialect import names_in
from harness.testbed.client import ApiClient
from harness.testbed.contract.requirement import (
    NotThereError,
    Requirement,
    ServerUnderTest,
    UnmetError,
    expect,
)
from servers.contract import AUTHENTICATE, CSRF, EMAIL, RESTRICTED

#: Bytes of a credential that is longer than any server needs.
_LONG: Final = 6000
#: Characters from the end of a credential to the one that a forgery changes.
_FORGED_AT: Final = 10


def _changed(credential: str) -> str:
    """Return the credential with one character changed, not the last one, of which some bits are unused."""
    if len(credential) < _FORGED_AT:  # there is no credential
        return credential
    index = len(credential) - _FORGED_AT
    return credential[:index] + ("A" if credential[index] != "A" else "B") + credential[index + 1 :]


def _forged_is_refused(subject: ServerUnderTest) -> None:
    client = subject.logged_in()
    client.token = _changed(client.token)
    client.cookie = "; ".join(map(_changed, client.cookie.split("; ")))
    expect(client.read(), 401, "a read with a forged credential")


def _unsigned_is_refused(subject: ServerUnderTest) -> None:
    client = subject.logged_in()
    if client.token.count(".") != 2:
        raise NotThereError("its token is not a JWT, so it has no algorithm")
    header = (
        base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    )
    claims = client.token.split(".")[1]
    for forged in (f"{header}.{claims}.", f"{header}.{claims}.{client.token.split('.')[2]}"):
        client.token = forged
        expect(client.read(), 401, "a read with a token that has alg: none")


def _long_is_refused(subject: ServerUnderTest) -> None:
    client = subject.new_client()
    long = "x" * _LONG
    if subject.transport == "bearer":
        client.token = long
    else:
        client.cookie = f"{subject.logged_in().cookie.partition('=')[0]}={long}"
    response = client.read()
    if response.status not in (400, 401, 431):
        raise UnmetError(f"a credential of {_LONG:,} bytes returned {response.status}")
    if long.encode() in response.body:
        raise UnmetError("the response contains the credential")


def _cookie_has_safe_attributes(subject: ServerUnderTest) -> None:
    accounts = subject.dialect.accounts
    response = subject.new_client().log_in(accounts.example, accounts.password)
    for line in response.headers.get_all("Set-Cookie", []):
        cookie, *rest = (part.strip() for part in line.split(";"))
        attributes = {name.lower(): value for name, _, value in (part.partition("=") for part in rest)}
        faults = []
        if "httponly" not in attributes:
            faults.append("no HttpOnly")
        if attributes.get("samesite", "").lower() not in ("lax", "strict"):
            faults.append("no SameSite=Lax or Strict")
        if attributes.get("path") != "/":
            faults.append(f"Path is {attributes.get('path')!r}")
        if faults:
            raise UnmetError(f"{cookie.partition('=')[0]}: {', '.join(faults)}")


def _writes_need_csrf_token(subject: ServerUnderTest) -> None:
    client = subject.logged_in()
    client.csrf = ""
    expect(client.write("forged@example.com"), 403, f"POST {EMAIL} without the CSRF token")


def _csrf_token_can_be_requested(subject: ServerUnderTest) -> None:
    client: ApiClient = subject.logged_in()
    response = client.send("GET", CSRF)
    expect(response, 200, f"GET {CSRF}")
    if subject.dialect.pick(response.json, "csrf_token") is None:
        raise UnmetError(f"the response has {names_in(response.json)}, but no token")


#: Position of this file in the order of checks.
ORDER: Final = 3
REQUIREMENTS: Final = (
    Requirement("a read with a forged credential returns 401", "needed", (RESTRICTED,), _forged_is_refused),
    Requirement(
        "a token with alg: none is refused (401)", "needed", (RESTRICTED,), _unsigned_is_refused, ("bearer",)
    ),
    Requirement(
        "an oversized credential is refused and not echoed", "advised", (RESTRICTED,), _long_is_refused
    ),
    Requirement(
        "the cookie has HttpOnly, SameSite and Path=/",
        "advised",
        (AUTHENTICATE,),
        _cookie_has_safe_attributes,
        ("cookie",),
    ),
    Requirement(
        "a write without the CSRF token is refused (403)",
        "advised",
        (EMAIL,),
        _writes_need_csrf_token,
        ("cookie",),
    ),
    Requirement(
        "the CSRF token can be requested", "advised", (CSRF,), _csrf_token_can_be_requested, ("cookie",)
    ),
)
