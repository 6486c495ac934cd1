"""What is asked of credentials: how they travel, and which are believed."""

from __future__ import annotations

import base64
import json
from typing import Final

from harness.protocol.dialect import names_in
from harness.testbed.client import ApiClient
from harness.testbed.contract.requirement import (
    CSRF,
    EMAIL,
    LOGIN,
    READ,
    NotThereError,
    Requirement,
    ServerUnderTest,
    UnmetError,
    expect,
)

#: Past what any server needs to look at.
_LONG: Final = 6000
#: Characters from the end of a credential to the one that a forgery changes.
_FORGED_AT: Final = 10


def _changed(credential: str) -> str:
    """It with one character near its end changed, far enough from it that no bit goes unused."""
    if len(credential) < _FORGED_AT:  # it is none
        return credential
    place = len(credential) - _FORGED_AT
    return credential[:place] + ("A" if credential[place] != "A" else "B") + credential[place + 1 :]


def _forged_is_refused(subject: ServerUnderTest) -> None:
    caller = subject.somebody()
    caller.token = _changed(caller.token)
    caller.cookie = "; ".join(map(_changed, caller.cookie.split("; ")))
    expect(caller.read(), 401, "a read with a forged credential")


def _unsigned_is_refused(subject: ServerUnderTest) -> None:
    caller = subject.somebody()
    if caller.token.count(".") != 2:
        raise NotThereError("its token is no JWT, so that there is no algorithm to choose")
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    claims = caller.token.split(".")[1]
    for forged in (f"{head}.{claims}.", f"{head}.{claims}.{caller.token.split('.')[2]}"):
        caller.token = forged
        expect(caller.read(), 401, "a read with a token whose header says alg: none")


def _long_is_refused(subject: ServerUnderTest) -> None:
    caller = subject.stranger()
    long = "x" * _LONG
    if subject.transport == "bearer":
        caller.token = long
    else:
        caller.cookie = f"{subject.somebody().cookie.partition('=')[0]}={long}"
    reply = caller.read()
    if reply.status not in (400, 401, 431):
        raise UnmetError(f"a credential of {_LONG:,} bytes was answered {reply.status}")
    if long.encode() in reply.body:
        raise UnmetError("the answer repeats it")


def _cookie_is_kept_from_scripts(subject: ServerUnderTest) -> None:
    accounts = subject.dialect.accounts
    reply = subject.stranger().log_in(accounts.example, accounts.password)
    for line in reply.headers.get_all("Set-Cookie", []):
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


def _writes_need_proof(subject: ServerUnderTest) -> None:
    caller = subject.somebody()
    caller.csrf = ""
    expect(caller.write("forged@example.com"), 403, f"POST {EMAIL} without the CSRF token")


def _proof_can_be_asked_for(subject: ServerUnderTest) -> None:
    caller: ApiClient = subject.somebody()
    reply = caller.send("GET", CSRF)
    expect(reply, 200, f"GET {CSRF}")
    if subject.dialect.pick(reply.json, "csrf_token") is None:
        raise UnmetError(f"the answer has {names_in(reply.json)}, and no token")


#: Position among the files of this folder, in which requirements are checked.
ORDER: Final = 3
REQUIREMENTS: Final = (
    Requirement("a forged credential is 401", "needed", (READ,), _forged_is_refused),
    Requirement("a token that says alg: none is 401", "needed", (READ,), _unsigned_is_refused, ("bearer",)),
    Requirement(
        "a credential past any length is refused, and not repeated", "advised", (READ,), _long_is_refused
    ),
    Requirement(
        "the cookie is HttpOnly, SameSite, and for the whole site",
        "advised",
        (LOGIN,),
        _cookie_is_kept_from_scripts,
        ("cookie",),
    ),
    Requirement(
        "a write without the CSRF token is 403", "advised", (EMAIL,), _writes_need_proof, ("cookie",)
    ),
    Requirement("the CSRF token can be asked for", "advised", (CSRF,), _proof_can_be_asked_for, ("cookie",)),
)
