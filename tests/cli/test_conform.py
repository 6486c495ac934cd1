"""What `bench.py verify server` finds: nothing at our own schemes, and every fault of a wrong server."""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from harness.errors import ConformanceError, EnvironmentFailedError, SuiteError
from harness.suites import catalog
from harness.suites.arms import arms_of_schemes
from harness.suites.external import Transport
from harness.system.output import Output
from harness.testbed.contract.check import Checkup, examine
from harness.testbed.contract.requirement import ServerUnderTest, requirements
from harness.testbed.contract.run import conform
from harness.testbed.launcher import ServerOptions
from harness.testbed.rig import Rig
from servers import schemes
from tests import stranger

#: All servers of a rig share their accounts, and one asks no account that another has asked.
ACCOUNTS_EACH = 20


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """A server of every scheme."""
    with Rig(
        arms_of_schemes(catalog.schemes().values()).values(),
        ServerOptions(users=ACCOUNTS_EACH * len(schemes.names())),
    ) as rig:
        yield rig


@pytest.mark.parametrize("name", schemes.names())
def test_our_own_schemes_meet_all_of_it(rig: Rig, name: str) -> None:
    """What is advised, too; but for what a scheme promises not to do, which it then does not."""
    arm = next(one for one in rig.arms if one.name == name)
    target = next(one.target for one in rig.instances if one.target.arm == name)
    transport: Transport = next(one for one in ("cookie", "bearer", "none") if one == arm.scheme.transport)
    numbers = itertools.count(ACCOUNTS_EACH * schemes.names().index(name))
    found = examine(
        name, ServerUnderTest(target.host, target.port, target.dialect, transport, numbers), requirements()
    )
    lasts = arm.scheme.transport == "cookie" and arm.scheme.promises["logout"] != "at once"
    assert [line.requirement for line in found.unmet(strict=True)] == (
        ["a logout revokes copies of the cookie"] if lasts else []
    )
    absent = {line.requirement for line in found.lines if line.outcome == "absent"}
    assert absent <= {
        "a refresh issues a new pair of tokens",
        "an invalid refresh token is refused (401)",
        "a token with alg: none is refused (401)",
    }
    assert ("a refresh issues a new pair of tokens" in absent) == (
        arm.scheme.transport == "bearer" and name != "token-refresh"
    )
    assert len(found.lines) >= (2 if arm.scheme.transport == "none" else 25)


def checkup(*faults: str) -> Checkup:
    """What is found of the stranger, with something wrong in it."""
    server = stranger.described()
    with stranger.running(*faults) as port:
        return examine(
            "stranger", ServerUnderTest("127.0.0.1", port, server.dialect, "bearer"), requirements()
        )


def test_a_server_of_somebody_elses_meets_it_under_other_names() -> None:
    """Its own paths, fields, accounts and word for a bearer; what it does not have is absent, not unmet."""
    found = checkup()
    assert found.unmet(strict=True) == []
    assert {line.detail for line in found.lines if line.outcome == "absent"} == {
        f"it has no {route}"
        for route in (
            "/api/admin",
            "/api/admin/accounts/{username}",
            "/logout",
            "/password",
            "/token/refresh",
        )
    }


@pytest.mark.parametrize(
    ("fault", "unmet"),
    [
        (
            "strangers",
            {
                "a read without a credential returns 401": "GET /api/restricted without a credential returned"
                " 200, not 401",
                "a read with a forged credential returns 401": "a read with a forged credential returned 200,"
                " not 401",
                "a token with alg: none is refused (401)": "a read with a token that has alg: none"
                " returned 200, not 401",
            },
        ),
        (
            "another",
            {
                "a read returns the id of the account": "the login of user0@example.org returned id 1000, but"
                " the read 7"
            },
        ),
        (
            "forged",
            {
                "a read with a forged credential returns 401": "a read with a forged credential returned 200,"
                " not 401",
                "a token with alg: none is refused (401)": "a read with a token that has alg: none"
                " returned 200, not 401",
            },
        ),
        (
            "no-algorithm",
            {
                "a token with alg: none is refused (401)": "a read with a token that has alg: none"
                " returned 200, not 401"
            },
        ),
        (
            "any-password",
            {
                "a login with a wrong password is refused (401)": "the login of alice@example.org with a"
                " wrong password returned 200, not 401",
            },
        ),
    ],
)
def test_what_is_wrong_is_named(fault: str, unmet: dict[str, str]) -> None:
    """Each thing that is needed, with what the server did instead; and nothing besides."""
    assert {line.requirement: line.detail for line in checkup(fault).unmet()} == unmet


def test_what_is_only_advised_counts_where_that_is_asked() -> None:
    """A server that tells names apart can be measured, and is told of it."""
    found = checkup("tells-names")
    assert found.unmet() == []
    (line,) = found.unmet(strict=True)
    assert line.requirement == "an unknown account gets the same response as a wrong password"
    assert "no such account" in line.detail


def test_a_route_that_a_suite_should_say_is_missing() -> None:
    """It is absent, with the line that says so in a suite."""
    lines = {line.requirement: line for line in checkup("forgets-mail").lines}
    line = lines["the email address can be changed"]
    assert (line.outcome, line.detail) == (
        "absent",
        'POST /api/email returned 404; put "/api/email" = "" into the paths of the suite',
    )


def told(target: str, *, print_json: bool = False) -> tuple[str, BaseException | None]:
    """What the command says, and what it ends with."""
    out = io.StringIO()
    try:
        conform(target, Output(Console(file=out, width=80), as_json=print_json))
    except (SuiteError, EnvironmentFailedError, ConformanceError) as error:
        return out.getvalue(), error
    return out.getvalue(), None


def test_a_console_is_told_line_by_line(tmp_path: Path) -> None:
    """A line a requirement, whatever the width; 14 and a count where it misses something needed."""
    file = stranger.suite(tmp_path, ('PORT = "{port}"', 'PORT = "{port}"\nFAULTS = "another"'))
    said, error = told(str(file))
    unmet = "a read returns the id of the account: the login of user0@example.org returned id 1000, but the"
    unmet += " read 7"
    assert f"\nnot met  required     {unmet}\n" in said
    assert "\nmet      recommended  password guessing is throttled (429)\n" in said
    assert "\nabsent   required     a logout returns 204: it has no /logout\n" in said
    assert re.search(r"^19 met, 1 not met, 7 absent$", said, re.MULTILINE)
    assert isinstance(error, ConformanceError)
    assert str(error).startswith("not met: stranger (1);")
    assert error.exit_code == 14


def test_a_program_is_told_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    """All lines, on standard output and nothing else there."""
    _, error = told("token", print_json=True)
    assert error is None
    ((server, lines),) = [(one["server"], one["lines"]) for one in json.loads(capsys.readouterr().out)]
    assert server == "token"
    assert len(lines) == len([one for one in requirements() if "bearer" in one.transports])
    assert set(lines[0]) == {"requirement", "weight", "outcome", "detail"}


def test_an_address_is_asked_to_the_letter() -> None:
    """It has no suite to say how it speaks, so that other paths are not found."""
    with stranger.running() as port:
        said, error = told(f"http://127.0.0.1:{port}")
    assert isinstance(error, ConformanceError)
    answered = "GET /api/restricted without a credential returned 404, not 401"
    assert f"not met  required     a read without a credential returns 401: {answered}\n" in said


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("http://192.0.2.1:80", "192.0.2.1 is not this machine"),
        ("ftp://127.0.0.1", "expected an address such as http://127.0.0.1:3000"),
        ("no-such-thing", "no such suite"),
        ("quick", r"a suite with servers of your own"),
    ],
)
def test_what_cannot_be_asked_is_refused(target: str, words: str) -> None:
    """Other machines without the user's word, and what is neither a scheme, an address nor a suite."""
    _, error = told(target)
    assert isinstance(error, SuiteError)
    assert words in str(error)


def test_a_server_that_is_not_there() -> None:
    """Nothing is said of its conformance."""
    with stranger.running() as port:
        pass
    said, error = told(f"http://127.0.0.1:{port}")
    assert (said, type(error)) == ("", EnvironmentFailedError)
