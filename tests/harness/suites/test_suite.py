"""Suites: those that come with the tool, the defaults, and what each bad one is told."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from pydantic import ValidationError

from harness.analysis.per_instance import instance_estimates
from harness.errors import SuiteError
from harness.measure import preflight
from harness.results.metrics import METRICS
from harness.suites import catalog
from harness.suites.forecast import forecast
from harness.suites.model import Conditions, Suite, by_conditions
from harness.suites.parse import check_names, parse
from tests.harness.observations import Seen, observe

#: What there is; each asks a process.
scenarios, schemes = cache(catalog.scenarios), cache(catalog.schemes)

SHIPPED = sorted((Path(__file__).parents[3] / "loadtests" / "suites").glob("*.toml"))

GOOD = """
title = "Two arms"
arms = ["token", "cookie"]

[[scenarios]]
name = "saturation"
load = { model = "closed", users = 4 }
seconds = 2

[[scenarios]]
name = "steady"
load = { model = "open", rate = 200 }
seconds = 3
"""
OPEN = 'load = { model = "open", rate = 200 }'


ROTATIONS = """
title = "The same twice, but for the overlap"
arms = ["token"]
"""
ROTATION = """
[[scenarios]]
name = "rotation"
load = { model = "open", rate = 20 }
seconds = 6
overlap = OVERLAP
"""


def good() -> Suite:
    """The good suite, parsed."""
    return parse(GOOD, "good", "good.toml")


def test_an_overlap_sets_scenarios_apart() -> None:
    """In a label and among the parameters; the same one twice is one too many."""
    without, overlap = (ROTATION.replace("OVERLAP", value) for value in ("false", "true"))
    first, second = parse(ROTATIONS + without + overlap, "x", "x.toml").scenarios
    assert (first.params, second.params) == ({"overlap": "false"}, {"overlap": "true"})
    assert second.label == "rotation, overlap=true (open, 20/s constant)"
    with pytest.raises(SuiteError, match=r"occur only once under each load and .*, overlap"):
        parse(ROTATIONS + overlap + overlap, "x", "x.toml")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_suites_parse(path: Path) -> None:
    """Every suite that comes with the tool is whole, and is found by its name."""
    suite = parse(path.read_text(encoding="utf-8"), path.stem, str(path))
    assert suite.name == path.stem
    assert catalog.load_suite(path.stem) == suite


@pytest.mark.parametrize(
    ("text", "place", "key", "hint"),
    [
        ("seed = 3\n" + GOOD, "", "seed", "Expected one of arms, compare"),
        ("instance = 3\n" + GOOD, "", "instance", "Did you mean 'instances'?"),
        (GOOD.replace("seconds = 3", "seconds = 3\nsecond = 1"), "scenarios[1]: ", "second", "'seconds'?"),
        (GOOD.replace("users = 4", "user = 4"), "scenarios[0].load: ", "user", "Did you mean 'users'?"),
    ],
)
def test_an_unknown_key_is_named(text: str, place: str, key: str, hint: str) -> None:
    """Where it is, and what it was probably meant to be; else all keys of that table."""
    with pytest.raises(SuiteError) as refused:
        parse(text, "good", "good.toml")
    [line] = str(refused.value).splitlines()
    assert line.startswith(f"good.toml: {place}unknown key {key!r}.")
    assert hint in line


def test_there_are_shipped_suites() -> None:
    """The default suite is among them."""
    assert {"quick", "smoke"} <= {path.stem for path in SHIPPED}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_suites_name_what_there_is(path: Path) -> None:
    """Their schemes, scenarios and metrics exist."""
    preflight.SuiteValidator(str(path), scenarios()).check(catalog.load_suite(path.stem), schemes())


def test_defaults() -> None:
    """What a suite does not say: the protocol of slots, the level, the margin."""
    suite = good()
    closed, opened = suite.scenarios
    assert (suite.name, suite.instances, suite.warmup_requests) == ("good", 8, 1000)
    assert (suite.confidence, suite.margin, suite.password_cost) == (0.99, 0.03, "bench")
    assert (closed.slot_ns, closed.lead_ns, opened.slot_ns) == (45_000_000, 5_000_000, 95_000_000)
    assert (closed.primary_metric, opened.primary_metric) == ("total_cpu", "service_p50")
    assert opened.lead_ns == 52_000_000  # ten requests at 200/s, and the quiet end
    assert (closed.slots, opened.slots) == (40, 20)  # 2 s of 50 ms, 3 s of 147 ms
    assert (closed.load.label, opened.load.label) == ("closed, 4 users", "open, 200/s constant")
    assert opened.load.users == 8


def test_what_a_suite_says_counts() -> None:
    """Every default can be overruled."""
    own = 'seconds = 3\nslot_ms = 190\nlead_ms = 10\nlead_requests = 0\nprimary = "service_p90"'
    text = GOOD.replace("seconds = 3", own)
    scenario = parse("confidence = 0.95\n" + text, "good", "good.toml").scenarios[1]
    assert (scenario.slot_ns, scenario.lead_ns, scenario.slots) == (190_000_000, 10_000_000, 15)
    assert scenario.primary_metric == "service_p90"


def test_a_suite_is_frozen() -> None:
    """Nobody changes it while it runs."""
    with pytest.raises(ValidationError, match="frozen"):
        good().instances = 3


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        (GOOD.replace(OPEN, 'load = { model = "open" }'), "scenarios[1].load", "needs rate"),
        (GOOD.replace("rate = 200", "rate = -1"), "scenarios[1].load.rate", "greater than or equal to 0"),
        (GOOD.replace("users = 4", "rate = 9"), "scenarios[0].load", "closed load has no rate"),
        (GOOD.replace('"closed"', '"shut"'), "scenarios[0].load.model", "'closed' or 'open'"),
        (GOOD.replace("users = 4", "users = 0"), "scenarios[0].load.users", "greater than or equal to 1"),
        (GOOD.replace("users = 4", 'users = "4"'), "scenarios[0].load.users", "valid integer"),
        (
            GOOD.replace("rate = 200", 'rate = 200, arrivals = "bursty"'),
            "scenarios[1].load.arrivals",
            "'constant' or 'poisson'",
        ),
        (GOOD.replace('"cookie"', '"token"'), "the whole file", "each arm may be named only once"),
        (GOOD.replace('"cookie"', '"Cookie jar"'), "arms[1]", "should match pattern"),
        (GOOD.replace('"token", "cookie"', ""), "arms", "at least 1 item"),
        ('title = "t"\narms = ["token"]\nscenarios = []\n', "scenarios", "at least 1 item"),
        (GOOD.replace('title = "Two arms"\n', ""), "title", "field required"),
        (GOOD.replace("seconds = 2\n", ""), "scenarios[0].seconds", "field required"),
        (GOOD.replace("seconds = 2", "seconds = 0"), "scenarios[0].seconds", "greater than 0"),
        (GOOD.replace("seconds = 2", "seconds = inf"), "scenarios[0].seconds", "less than or equal to"),
        (GOOD.replace("seconds = 2", "seconds = nan"), "scenarios[0].seconds", ""),
        (GOOD.replace("seconds = 2", "seconds = 2\nslot_ms = 1"), "scenarios[0].slot_ms", "equal to 5"),
        (
            GOOD.replace("seconds = 2", 'seconds = 2\nprimary = "response_p50"'),
            "scenarios[0]",
            "no response times",
        ),
        (
            GOOD.replace("users = 4", "users = 4, p99_ms = 5", 1),
            "scenarios[0].load",
            "p99_ms belongs to an open one",
        ),
        (
            GOOD.replace("seconds = 3", 'seconds = 3\nprimary = "capacity"'),
            "scenarios[1]",
            "the primary metric of a load with p99_ms",
        ),
        ("instances = 0\n" + GOOD, "instances", "greater than or equal to 1"),
        ("confidence = 1.0\n" + GOOD, "confidence", "less than 1"),
        ("margin = 0.0\n" + GOOD, "margin", "greater than 0"),
        ('password_cost = "cheap"\n' + GOOD, "password_cost", "'owasp' or 'bench'"),
        (GOOD + GOOD[GOOD.index("[[") :], "the whole file", "once under each load"),
    ],
)
def test_a_bad_suite_is_told_file_key_and_expectation(text: str, key: str, expected: str) -> None:
    """One line a fault: the file, the key by its path, what was expected, what was there instead."""
    with pytest.raises(SuiteError) as refused:
        parse(text, "bad", "dir/bad.toml")
    lines = [line for line in str(refused.value).splitlines() if line.startswith(f"dir/bad.toml: {key}: ")]
    assert lines, str(refused.value)
    assert any(expected in line for line in lines), lines
    assert "(got " in lines[0]
    assert refused.value.exit_code == 2


def test_text_that_is_not_toml() -> None:
    """The parser's place in the file is passed on."""
    with pytest.raises(SuiteError, match=r"^dir/bad.toml: not TOML: .*line 1"):
        parse("title = \n", "bad", "dir/bad.toml")


def test_every_fault_is_told_at_once() -> None:
    """Two faults, two lines, so that one try mends both."""
    with pytest.raises(SuiteError) as refused:
        parse("instances = 0\nmargin = 2.0\n" + GOOD, "bad", "bad.toml")
    assert [line.split(": ")[1] for line in str(refused.value).splitlines()] == ["instances", "margin"]


def test_a_long_value_is_shortened() -> None:
    """What was there is shown by its start, not by pages."""
    with pytest.raises(SuiteError) as refused:
        parse(GOOD.replace('"cookie"', f'"{"X" * 5000}"'), "bad", "bad.toml")
    assert len(str(refused.value)) < 250


def test_a_suite_may_measure_one_scenario_under_two_loads() -> None:
    """The same scenario twice is refused only under the same load."""
    again = GOOD + GOOD[GOOD.index("[[") :].replace("users = 4", "users = 5").replace("200", "300")
    assert len(parse(again, "good", "good.toml").scenarios) == 4


SCHEMES = {"token", "cookie"}
JUDGED = {"steady": set(METRICS), "saturation": set(METRICS)}


def test_known_names_pass() -> None:
    """A suite that names what there is has nothing to be told."""
    check_names(good(), "good.toml", schemes=SCHEMES, judged=JUDGED)


@pytest.mark.parametrize(
    ("schemes", "judged", "fault"),
    [
        ({"cookie", "basic"}, JUDGED, "arms[0]: expected a scheme, one of basic, cookie (got 'token')"),
        (
            SCHEMES,
            {"steady": set(METRICS)},
            "scenarios[0].name: expected a scenario, one of steady (got 'saturation')",
        ),
        (
            SCHEMES,
            JUDGED | {"steady": {"total_cpu"}},
            "scenarios[1].primary: expected a metric, one of total_cpu (got 'service_p50')",
        ),
    ],
)
def test_unknown_names_are_refused(schemes: set[str], judged: dict[str, set[str]], fault: str) -> None:
    """The key, what kind of thing it names, and which there are."""
    with pytest.raises(SuiteError) as refused:
        check_names(good(), "my.toml", schemes=schemes, judged=judged)
    assert str(refused.value) == f"my.toml: {fault}"


def test_an_unknown_primary_is_refused() -> None:
    """A metric that the suite itself names is checked like any other."""
    suite = parse(GOOD.replace("seconds = 3", 'seconds = 3\nprimary = "speed"'), "my", "my.toml")
    with pytest.raises(SuiteError, match=r"scenarios\[1\]\.primary: expected a metric.*'speed'"):
        check_names(suite, "my.toml", schemes=SCHEMES, judged=JUDGED)


def test_a_suite_that_is_not_there(tmp_path: Path) -> None:
    """The answer names the suites there are."""
    with pytest.raises(SuiteError, match=r"no such suite.*quick.*smoke"):
        catalog.load_suite(str(tmp_path / "none.toml"))


def test_a_suite_of_ones_own(tmp_path: Path) -> None:
    """Any TOML file serves; it is called by its file's name, and faults name its path."""
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    assert catalog.load_suite(str(path)).name == "mine"
    path.write_text("arms = 3")
    with pytest.raises(SuiteError, match=r"mine\.toml: arms: "):
        catalog.load_suite(str(path))


@pytest.mark.parametrize("metric", ["store_ops", "error_rate"])
def test_a_primary_that_cannot_be_judged_is_refused(metric: str) -> None:
    """It has no ratio, or is not measured by every scenario: told before the run, not after it."""
    suite = parse(GOOD.replace("seconds = 3", f'seconds = 3\nprimary = "{metric}"'), "my", "my.toml")
    with pytest.raises(SuiteError, match=rf"scenarios\[1\]\.primary: expected a metric.*'{metric}'"):
        preflight.SuiteValidator("my.toml", scenarios()).check(suite, schemes())


def test_a_mixture_of_steps_is_not_judged_by_its_latency() -> None:
    """The median of logins and reads together is nobody's waiting time; their cost is a sum, and can be."""
    known = preflight.SuiteValidator("my.toml", scenarios())
    journey = GOOD.replace('name = "steady"', 'name = "journey"')
    with pytest.raises(SuiteError, match=r"scenarios\[1\]\.primary: .*total_cpu.*'service_p50'"):
        known.check(parse(journey, "my", "my.toml"), schemes())
    judged = parse(journey.replace("seconds = 3", 'seconds = 3\nprimary = "total_cpu"'), "my", "my.toml")
    known.check(judged, schemes())


@pytest.mark.parametrize(("seconds", "fits"), [(200, True), (201, False)])
def test_a_scenario_does_not_outlast_a_credential(seconds: int, fits: bool) -> None:
    """The load logs in once; a token of five minutes would run out under it, and reads be refused."""
    known = preflight.SuiteValidator("my.toml", scenarios())
    text = GOOD.replace("seconds = 3", f"seconds = {seconds}")
    known.check(parse(text, "my", "my.toml"), schemes())
    short = parse(text.replace('"token"', '"token-refresh"'), "my", "my.toml")
    if fits:
        known.check(short, schemes())
    else:
        with pytest.raises(SuiteError, match=r"scenarios\[1\]\.seconds: expected at most 200.*token-refresh"):
            known.check(short, schemes())


def test_scenarios_go_by_password_cost() -> None:
    """Servers have one cost each, so a suite with two needs two rigs; the order of the suite stays."""
    login = '\n[[scenarios]]\nname = "login"\nload = { model = "closed" }\nseconds = 1\n'
    suite = parse(GOOD + login + login + 'password_cost = "owasp"\n', "my", "my.toml")
    groups = by_conditions(suite)
    assert {wanted: list(group) for wanted, group in groups.items()} == {
        Conditions("bench", None, None, None, relayed=False, processes=1, store_link="tcp"): [0, 1, 2],
        Conditions("owasp", None, None, None, relayed=False, processes=1, store_link="tcp"): [3],
    }
    assert suite.scenarios[3].params == {"password_cost": "owasp"}
    assert suite.scenarios[3].label == "login, password_cost=owasp (closed, 8 users)"
    assert suite.scenarios[2].params == {}


def test_reads_do_not_outlive_the_lifetime_that_they_are_told() -> None:
    """A second for a scenario of two: refused, except where that they expire is the point."""
    known = preflight.SuiteValidator("my.toml", scenarios())
    first = GOOD.index("seconds = 2")
    short = GOOD[:first] + "lifetime_s = 1\n" + GOOD[first:]
    with pytest.raises(
        SuiteError, match=r"scenarios\[0\]\.seconds: expected at most 1, since a credential of"
    ):
        known.check(parse(short, "my", "my.toml"), schemes())
    known.check(parse(short.replace('"saturation"', '"rejection"'), "my", "my.toml"), schemes())


def test_what_sets_scenarios_apart() -> None:
    """What they want is among their parameters; only what servers must be told parts rigs."""
    far = '\n[[scenarios]]\nname = "distance"\nload = { model = "open", rate = 9 }\nseconds = 1\n'
    long = (
        '\n[[scenarios]]\nname = "payload"\nload = { model = "closed" }\nseconds = 1\nprofile_bytes = 900\n'
    )
    suite = parse(
        GOOD + far + 'store_delay_ms = 0\narms = ["cookie"]\n' + far + "store_delay_ms = 0.5\n" + long,
        "my",
        "",
    )
    assert [one.params for one in suite.scenarios[2:]] == [
        {"store_delay_ms": 0.0},
        {"store_delay_ms": 0.5},
        {"profile_bytes": 900},
    ]
    assert suite.scenarios[3].label == "distance, store_delay_ms=0.5 (open, 9/s constant)"
    assert list(map(list, by_conditions(suite).values())) == [[0, 1], [2, 3], [4]]
    assert suite.arms_of(suite.scenarios[2:3]) == ["cookie"]
    assert suite.arms_of(suite.scenarios[2:4]) == ["token", "cookie"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ('arms = ["opaque-bearer"]\n', "expected one of the arms token, cookie (got 'opaque-bearer')"),
        ('arms = ["cookie"]\nbudgets = ["token.store_ops <= 1"]\n', "expected one of the arms cookie"),
    ],
)
def test_a_scenario_measures_arms_of_its_suite(more: str, told: str) -> None:
    """And holds none to a budget that it does not measure."""
    with pytest.raises(SuiteError) as refused:
        parse(GOOD + more, "my", "my.toml")
    assert told in str(refused.value)


@pytest.mark.parametrize("name", ["distance", "payload", "population", "rejection"])
def test_a_sweep_says_where_it_stands(name: str) -> None:
    """Without its one key the scenario would be another one under a wrong name."""
    known = preflight.SuiteValidator("my.toml", scenarios())
    model = known.scenarios[name].model
    load = OPEN if model == "open" else 'load = { model = "closed" }'
    text = GOOD + f'\n[[scenarios]]\nname = "{name}"\n{load}\nseconds = 1\n'
    with pytest.raises(SuiteError, match=rf"scenarios\[2\]: expected {known.scenarios[name].sets}, which"):
        known.check(parse(text, "my", "my.toml"), schemes())


def test_every_judged_metric_is_measured() -> None:
    """Whatever a suite may name as primary has points, in the loops that may name it."""
    closed = set(instance_estimates(observe([Seen(0)])))
    opened = set(instance_estimates(observe([Seen(0)], model="open")))
    for metric, about in METRICS.items():
        if about.scale == "log" and metric != "capacity":
            assert metric in opened
            assert metric in closed or metric.startswith("response_")


def test_servers_of_several_processes() -> None:
    """Each number has servers of its own; the most are what CPUs are dealt for and memory is forecast by."""
    scenario = GOOD[GOOD.index("[[scenarios]]") :]
    head = GOOD.removesuffix(scenario)
    first = scenario.partition("[[scenarios]]")[2].partition("[[scenarios]]")[0]
    text = head + "".join(f"[[scenarios]]{first}\nprocesses = {count}\n" for count in (1, 4))
    suite = parse(text, "x", "x.toml")
    groups = by_conditions(suite)
    assert [(wanted.processes, list(group)) for wanted, group in groups.items()] == [(1, [0]), (4, [1])]
    assert suite.processes_each == 4
    arms = len(suite.arms_of(suite.scenarios))
    assert forecast(suite).server_processes == 4 * suite.instances * arms
    for wrong in ("0", "65", "1.5", '"two"'):
        with pytest.raises(SuiteError, match="processes"):
            parse(text.replace("processes = 4", f"processes = {wrong}"), "x", "x.toml")
