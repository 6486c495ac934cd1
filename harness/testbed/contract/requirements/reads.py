"""What is asked of reads: who gets in, and as whom."""

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


def _answers_health(subject: ServerUnderTest) -> None:
    expect(subject.stranger().send("GET", HEALTH), 200, f"GET {HEALTH}")


def _answers_public(subject: ServerUnderTest) -> None:
    expect(subject.stranger().send("GET", PUBLIC), 200, f"GET {PUBLIC}")


def _public_is_as_long(subject: ServerUnderTest) -> None:
    public = subject.stranger().send("GET", PUBLIC).body
    read = subject.logged_in(subject.unused()).read().body
    if abs(len(public) - len(read)) > _LENGTHS_APART:
        raise UnmetError(f"the public answer has {len(public)} bytes, a restricted one {len(read)}")


def _keeps_strangers_out(subject: ServerUnderTest) -> None:
    expect(subject.stranger().read(), 401, f"GET {READ} without a credential")


def _tells_who_one_is(subject: ServerUnderTest) -> None:
    names = {}
    for username in (subject.dialect.accounts.example, subject.unused()):
        caller = subject.stranger()
        login = caller.log_in(username, subject.dialect.accounts.password)
        expect(login, 200, f"the login of {username}")
        reply = caller.read()
        expect(reply, 200, f"GET {READ} of {username}")
        told = subject.dialect.pick(reply.json, "id")
        issued = subject.dialect.pick(login.json, "profile.id")
        if told is None or str(told) != str(issued):
            raise UnmetError(f"{username} logged in as {issued!r}, and the read says {told!r}")
        names[username] = told
    if len(set(names.values())) < len(names):
        raise UnmetError(f"two accounts read as one: {names}")


def _asks_strangers_how(subject: ServerUnderTest) -> None:
    challenge = subject.stranger().read().headers.get("WWW-Authenticate")
    if challenge is None:
        raise UnmetError("the 401 has no WWW-Authenticate")
    if "error=" in challenge:
        raise UnmetError(f"no credential came, and the challenge calls one wrong: {challenge}")


def _keeps_others_from_admin(subject: ServerUnderTest) -> None:
    expect(subject.stranger().read_admin(), 401, f"GET {ADMIN} without a credential")
    expect(subject.somebody().read_admin(), 403, f"GET {ADMIN} without the role")
    expect(subject.admin().read_admin(), 200, f"GET {ADMIN} of an admin")


#: Bytes by which the two answers may differ in length: names and numbers do.
_LENGTHS_APART: Final = 16

#: Position among the files of this folder, in which requirements are checked.
ORDER: Final = 1
REQUIREMENTS: Final = (
    Requirement(
        "it says that it can serve", "advised", (HEALTH,), _answers_health, ("cookie", "bearer", "none")
    ),
    Requirement(
        "the public route asks for nothing",
        "needed",
        (PUBLIC,),
        _answers_public,
        ("cookie", "bearer", "none"),
    ),
    Requirement("without a credential a read is 401", "needed", (READ,), _keeps_strangers_out),
    Requirement("a read says whose the credential is", "needed", (READ,), _tells_who_one_is),
    Requirement(
        "the public answer is as long as a restricted one", "advised", (PUBLIC, READ), _public_is_as_long
    ),
    Requirement("a 401 says which credential is asked for", "advised", (READ,), _asks_strangers_how),
    Requirement("admins get in where others may not", "needed", (ADMIN,), _keeps_others_from_admin),
)
