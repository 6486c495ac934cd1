"""What a suite may say of servers of somebody else's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import SuiteError
from harness.measure.preflight import SuiteValidator
from harness.protocol.dialect import ROUTES
from harness.suites import catalog, external
from harness.suites.catalog import ScenarioInfo
from harness.suites.external import ExternalServer
from harness.suites.model import Suite
from harness.suites.parse import parse
from harness.testbed import external as own_servers

ROOT = Path(__file__).resolve().parents[3]
HEAD = 'title = "t"\narms = ["token", "mine"]\n'
SCENARIO = '\n[[scenarios]]\nname = "journey"\nload = { model = "closed" }\nseconds = 1\n'
TABLE = '[own.mine]\ntransport = "bearer"\ncommand = "node server.js {port}"\n'
AT = '[own.mine]\ntransport = "cookie"\naddress = ["http://127.0.0.1:3000"]\n'
SECRET = "correct-horse-battery"


def suite(table: str = TABLE, scenario: str = SCENARIO) -> Suite:
    """A suite with one such server."""
    return parse(HEAD + table + scenario, "own", "own.toml")


def test_what_is_not_said_has_a_default() -> None:
    """A command and a transport are enough for one that speaks the contract to the letter."""
    mine = suite().own["mine"]
    assert (mine.ready, mine.folder, mine.lock, mine.read_path) == ("/healthz", ".", "", "/api/restricted")
    assert mine.place == "node server.js {port} in ."
    assert suite(AT).own["mine"].place == "http://127.0.0.1:3000"


@pytest.mark.parametrize(
    ("table", "key", "expected"),
    [
        ('[own.mine]\ntransport = "bearer"\n', "own.mine", "either command, to start it, or address"),
        (TABLE + 'address = ["http://127.0.0.1:1"]\n', "own.mine", "either command, to start it, or address"),
        (TABLE.replace("bearer", "saml"), "own.mine.transport", "'cookie', 'bearer' or 'none'"),
        (TABLE.replace("{port}", "8000"), "own.mine", "{port} in command or in environment"),
        (TABLE.replace("node", "'node"), "own.mine.command", "no closing quotation"),
        (TABLE.replace("node server.js {port}", ""), "own.mine.command", "expected a command"),
        (TABLE.replace("js", "js {folder}"), "own.mine.command", "expected one of {port}, {python}"),
        (TABLE.replace("js", "js --key {secret}"), "own.mine.command", "{secret} belongs in environment"),
        (TABLE.replace("js", "js {redis_url}"), "own.mine.command", "{redis_url} belongs in environment"),
        (TABLE + 'environment = { KEY = "{sekret}" }\n', "own.mine.environment", "in KEY (got {sekret})"),
        (TABLE + 'lock = "requirements.lock"\n', "own.mine", "lock sets the packages of {python}"),
        (TABLE + 'ready = "up"\n', "own.mine.ready", "match pattern"),
        (TABLE + 'agent = "127.0.0.1:1"\n', "own.mine", "named by their address"),
        (TABLE + "colour = 1\n", "own.mine", "unknown key 'colour'. Expected one of accounts"),
        (TABLE.replace("command", "comand"), "own.mine", "unknown key 'comand'. Did you mean 'command'?"),
        (
            AT + 'folder = "x"\nready = "/up"\n',
            "own.mine",
            "folder, ready: only for servers that are started",
        ),
        (AT.replace("http", "https"), "own.mine.address", "expected an address such as http://"),
        (AT.replace("127", "me:pw@127"), "own.mine.address", "an address without a user"),
        (AT.replace("3000", "99999"), "own.mine.address", "out of range"),
        (AT.replace("3000", "0"), "own.mine.address", "expected an address such as http://"),
        (TABLE + 'paths = { "/login" = "/x" }\n', "own.mine.paths", "expected one of /authenticate"),
        (TABLE + 'paths = { "/public" = "x" }\n', "own.mine.paths", "a path that begins with /"),
        (TABLE + 'paths = { "/public" = "/x y" }\n', "own.mine.paths", "a path that begins with /"),
        (
            TABLE + 'paths = { "/api/admin/accounts/{username}" = "/x" }\n',
            "own.mine.paths",
            "a path with {username} in it",
        ),
        (TABLE + 'paths = { "/authenticate" = "" }\n', "own.mine", "without /authenticate there is nothing"),
        (
            TABLE.replace("bearer", "none") + 'paths = { "/public" = "" }\n',
            "own.mine",
            "without /public there is nothing",
        ),
        (TABLE + 'fields = { name = "x" }\n', "own.mine.fields", "expected one of username"),
        (TABLE + 'fields = { token = "a..b" }\n', "own.mine.fields", "a field such as user.id for token"),
        (TABLE + 'authorization = "My Token"\n', "own.mine.authorization", "match pattern"),
        (TABLE + 'csrf_header = "X\\nY: z"\n', "own.mine.csrf_header", "match pattern"),
        (TABLE + 'accounts = { load = "user" }\n', "own.mine.accounts.load", "match pattern"),
        (TABLE.replace("mine", "other"), "the whole file", "other is not one of the arms"),
    ],
)
def test_a_bad_table_is_told_key_and_expectation(table: str, key: str, expected: str) -> None:
    """One line a fault, as of all keys of a suite."""
    with pytest.raises(SuiteError) as refused:
        suite(table)
    lines = [line for line in str(refused.value).splitlines() if line.startswith(f"own.toml: {key}")]
    assert any(expected in line for line in lines), str(refused.value)


@pytest.mark.parametrize("fault", ["", 'lock = "x"\n', "colour = 1\n"])
def test_a_message_holds_no_secret(fault: str) -> None:
    """Of a table that is refused the keys are shown, not what they hold."""
    environment = f'environment = {{ KEY = "{SECRET}", OTHER = "{{unknown}}" }}\n'
    with pytest.raises(SuiteError) as refused:
        suite(TABLE.replace("{port}", "1") + fault + environment)
    assert "OTHER" in str(refused.value)
    assert SECRET not in str(refused.value)


def test_what_stands_in_braces() -> None:
    """Names that are known are put in, in words that a shell would make; JSON's braces stay."""
    values = {"port": "8000", "python": "/opt/a python"}
    assert external.filled("{python} -c 'a b' --at=127.0.0.1:{port}", values) == [
        "/opt/a python",
        "-c",
        "a b",
        "--at=127.0.0.1:8000",
    ]
    assert external.put('{"a": {"port": {port}}}', values, "X") == '{"a": {"port": 8000}}'


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("http://127.0.0.1:1", True),
        ("http://127.8.8.8:1", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("http://10.0.0.1:1", False),
        ("http://127.0.0.1.example.com:1", False),
        ("http://0.0.0.0:1", False),
        ("http://[::ffff:10.0.0.1]:1", False),
    ],
)
def test_other_machines_are_told_from_this_one(address: str, local: bool) -> None:
    """By what is written; no name is looked up."""
    server = ExternalServer(transport="bearer", address=[address])
    assert server.remote() == ([] if local else [address])


def test_other_machines_are_refused_unless_allowed() -> None:
    """The refusal says why, and what allows it."""
    far = suite(AT.replace("127.0.0.1", "192.0.2.1"), SCENARIO + 'primary = "throughput"\n')
    with pytest.raises(SuiteError, match=r"own\.toml: own\.mine\.address: .*--load-other-machines"):
        own_servers.check(far, "own.toml", may_load_others=False)
    own_servers.check(far, "own.toml", may_load_others=True)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (suite(TABLE + 'folder = "no/such"\n'), r"own\.mine\.folder: there is no folder no/such"),
        (
            suite(TABLE.replace("node", "{python}") + 'lock = "no.lock"\n'),
            r"own\.mine\.lock: there is no file no\.lock",
        ),
        (suite(AT), r"scenarios\[0\]\.primary: expected another metric than total_cpu"),
    ],
)
def test_what_cannot_be_measured_is_refused_first(made: Suite, expected: str) -> None:
    """Before anything is started: it names the key."""
    with pytest.raises(SuiteError, match=expected):  # noqa: PT012 - a command asks both, one after the other
        own_servers.check(made, "own.toml", may_load_others=False)
        own_servers.check_meters(made, "own.toml", None)


def test_what_only_servers_of_ours_can_be_told() -> None:
    """A scenario that sets their conditions has to leave the others out."""
    with pytest.raises(SuiteError, match=r"journey sets processes, which external servers \(mine\) do"):
        suite(scenario=SCENARIO + "processes = 2\n")
    suite(scenario=SCENARIO + 'processes = 2\narms = ["token"]\n')


def journey(*asks: str) -> SuiteValidator:
    """A catalogue with one scenario, which asks for these."""
    return SuiteValidator(
        "own.toml", {"journey": ScenarioInfo("journey", "", "any", ["read"], True, "", "", asks)}
    )


def test_an_arm_is_left_out_of_what_it_does_not_have() -> None:
    """The others are measured; the result is told which, and why."""
    made = suite(TABLE + 'paths = { "/logout" = "" }\n')
    fitted, checks = journey("/api/email", "/logout").fitted(made)
    assert fitted.arms_of(fitted.scenarios) == ["token"]
    assert [(one.check, one.status, one.detail) for one in checks] == [
        ("left out", "warning", "journey is measured without mine, which does not have /logout.")
    ]


def test_an_arm_that_has_everything_stays() -> None:
    """Under whatever path."""
    made = suite(TABLE + 'paths = { "/logout" = "/bye" }\n')
    assert journey("/api/email", "/logout").fitted(made) == (made, [])
    assert journey("/logout").asked(made) == {"token": {"/logout"}, "mine": {"/logout"}}


def test_a_scenario_that_no_arm_is_left_for() -> None:
    """There would be nothing to measure."""
    made = suite(TABLE + 'paths = { "/logout" = "" }\n', SCENARIO + 'arms = ["mine"]\n')
    with pytest.raises(SuiteError, match=r"scenarios\[0\]: journey needs /logout, which no server has"):
        journey("/logout").fitted(made)


def test_a_gate_takes_no_servers_of_somebody_elses() -> None:
    """It compares trees, and they come from none."""
    with pytest.raises(SuiteError, match=r"own: mine: a gate compares revisions of servers"):
        journey().check_gated(suite())


def test_the_documentations_example_is_a_suite() -> None:
    """docs/own-servers.md shows one from its title to its scenario."""
    page = (ROOT / "docs" / "own-servers.md").read_text(encoding="utf-8")
    lines = page[page.index("    title = ") : page.index("Then, in this order")].splitlines()
    mine = parse("\n".join(line[4:] for line in lines), "mine", "mine.toml").own["mine"]
    assert mine.dialect.path("/authenticate") == "/login"
    assert [route for route in ROUTES if mine.dialect.has(route)] == [
        "/authenticate",
        "/api/restricted",
        "/healthz",
    ]
    assert json.loads(mine.dialect.body({"username": "a", "password": "b"})) == {
        "user": {"email": "a", "password": "b"}
    }


def test_a_suites_folder_is_where_the_suite_is(tmp_path: Path) -> None:
    """So that it runs from any current folder."""
    file = tmp_path / "own.toml"
    file.write_text(HEAD + TABLE + 'folder = "app"\n' + SCENARIO)
    assert catalog.load_suite(str(file)).own["mine"].folder == str(file.parent / "app")
