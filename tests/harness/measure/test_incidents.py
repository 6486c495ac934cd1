"""Incidents on paper: the plan and timeline over the wire, figures by hand, and what must not be believed."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import SuiteError
from harness.measure import preflight, run_folder
from harness.measure.incidents import checks, kind, metrics
from harness.measure.incidents.record import IncidentRecord
from harness.measure.preflight import SuiteValidator
from harness.measure.result_builder import ResultBuilder
from harness.protocol.incidents import ArmUsers, Bin, IncidentPlan, ProbeRecord, Timeline, VirtualUser
from harness.results.incidents import Incident, RevocationCost
from harness.suites import catalog
from harness.suites.arms import SchemeEntry
from harness.suites.catalog import ScenarioInfo
from harness.suites.parse import parse
from tests.harness.incidents import SECOND, lived, revoked, target

SUITE = """
title = "x"
arms = ["token"]

[[scenarios]]
name = "{name}"
load = {load}
seconds = 6
{more}
"""
OPEN = '{ model = "open", users = 4, rate = 20 }'
SCHEMES = {
    "token": SchemeEntry("token", "", "", "bearer", "none"),
    "none": SchemeEntry("none", "", "", "none", "none"),
}
INCIDENTS = {"outage": "store outage", "rotation": "key rotation", "revocation": "revocation"}
KNOWN = {
    name: ScenarioInfo(name, "", "open", ["read", "login"], True, sets="", incident=incident)
    for name, incident in INCIDENTS.items()
}


def of(arm: str, rows: list[Incident]) -> Incident:
    """The row of one arm."""
    (row,) = [row for row in rows if row.arm == arm]
    return row


def refused(name: str, load: str = OPEN, more: str = "", arms: str = '["token"]') -> str:
    """Why a suite of one scenario is refused; empty where it is not."""
    suite = parse(SUITE.format(name=name, load=load, more=more).replace('["token"]', arms), "x", "x.toml")
    try:
        SuiteValidator("x.toml", KNOWN).check_incidents(suite, SCHEMES)
    except SuiteError as error:
        return str(error)
    return ""


# --- over the wire ---


def test_a_plan_is_read_as_it_was_written() -> None:
    """With people who are watched, and servers that take over or do not."""
    people = (VirtualUser(0, "/api/restricted"), VirtualUser(9, "/api/admin", "demoted"))
    parties = (ArmUsers(target("token"), people, target("token")), ArmUsers(target("cookie"), people))
    plan = IncidentPlan("rotation", 20, "poisson", 7, 6_000_000_000, 2, 4, parties, "/tmp/x", 2_000_000_000)  # noqa: S108
    assert IncidentPlan.loads(plan.dumps()) == plan
    assert plan.users == 4


def timeline() -> Timeline:
    """With all that one can hold."""
    return Timeline(
        "outage",
        (Bin("token", 0, {"ok": 3}, 5), Bin("cookie", 7, {"503": 1, "ok": 1}, 9)),
        (ProbeRecord("token", "revoked", (1, 2), ("ok", "401 revoked")),),
        lag_p99_ns=3,
        errors={"503": 1},
    )


def test_a_timeline_is_read_as_it_was_written() -> None:
    """Bins, reads of who is watched, lag, errors."""
    assert Timeline.read(timeline().lines()) == timeline()


@pytest.mark.parametrize("lines", [1, 2, 3, 4])
def test_a_torn_timeline_is_not_complete(lines: int) -> None:
    """Without its last line, or with half of it, nothing of it may be believed."""
    whole = list(timeline().lines())
    assert not Timeline.read(whole[:lines]).complete
    assert not Timeline.read([*whole[:lines], whole[lines][:-9]]).complete


def test_a_timeline_that_lacks_rows_is_not_complete() -> None:
    """The last line says how many there were."""
    whole = list(timeline().lines())
    assert not Timeline.read([whole[0], *whole[2:]]).complete


def test_what_is_no_timeline_is_refused() -> None:
    """A recording of slots, for one."""
    with pytest.raises(ValueError, match="not a timeline"):
        Timeline.read(['{"format": 1, "scenario": "steady"}\n'])


def test_an_end_that_bites_before_its_maker_is_told() -> None:
    """A harness that is kept waiting for its answer does not make the refusals ones of before."""
    late = (replace(revoked("token"), begun_ns=1_900_000_000),)
    seen = {"token": {38: {"401": 1}}}
    assert answers(lived(seen, events=late)) == "ok"
    assert answers(lived(seen, events=(revoked("token"),))) == "invalid"


def test_an_arrival_that_went_unsent_before_anything_was_done() -> None:
    """A machine that stalls is no wrong answer."""
    assert answers(lived({"token": {3: {"not sent": 2}}}, explains=("not sent",))) == "ok"


def answers(seen: IncidentRecord) -> str:
    """How the check of answers came out."""
    return next(one.status for one in checks.checks(seen) if one.check == "answers")


def test_the_recording_lies_beside_the_result(tmp_path: Path) -> None:
    """Plan, events and timeline, gzipped, and no path of this machine."""
    path = run_folder.save_timeline(lived({"token": {0: {"ok": 1}}}), tmp_path, 1)
    assert path.name == "recording-2-outage.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines(keepends=True)
    assert json.loads(lines[0])["plan"]["line"] == ""
    assert [json.loads(line)["event"]["what"] for line in lines[1:3]] == ["store killed", "store back"]
    assert Timeline.read(lines[3:]).bins == (Bin("token", 0, {"ok": 1}),)


# --- figures ---


def outage() -> list[Incident]:
    """Away from bin 40 to 60: one arm fails until it is back, one until people have logged in, one never."""
    well = {number: {"ok": 1} for number in range(120)}
    listed = well | {number: {"503": 1} for number in range(40, 60)}
    session = listed | {60: {"401": 2, "login": 1}, 61: {"login": 1}, 70: {"ok": 1, "401": 1, "login": 3}}
    return metrics.incidents(
        lived({"token": well, "listed": listed, "session": session}, slowest_ns=2_000_000)
    )


def test_an_arm_that_nothing_happens_to() -> None:
    """All reads answered: nothing failed, for no time."""
    row = of("token", outage())
    assert (row.requests, row.outcomes, row.failed, row.share_failed) == (120, {"ok": 120}, 0, 0)
    assert (row.failed_for_s, row.well_after_s, row.logins, row.peak_logins_per_s) == (0, 0, 0, 0)
    assert row.slowest_ms == 2
    assert row.bins.outcomes == {"ok": [1] * 120}


def test_an_arm_that_is_well_as_soon_as_the_store_is() -> None:
    """Twenty bins of one failure each, the last of which ends where the store is back."""
    row = of("listed", outage())
    assert (row.requests, row.failed, row.share_failed) == (120, 20, 20 / 120)
    assert row.failed_for_s == pytest.approx(1)
    assert row.well_after_s == 0
    assert [(one.at_s, one.what) for one in row.events] == [(2, "store killed"), (3, "store back")]


def test_an_arm_whose_people_log_in_again() -> None:
    """Failures from bin 40 to 70, 0.55 s after the store came back; five logins, all within one second."""
    row = of("session", outage())
    assert row.outcomes == {"401": 3, "503": 20, "login": 5, "ok": 98}
    assert (row.requests, row.failed, row.logins, row.peak_logins_per_s) == (126, 23, 5, 5)
    assert row.failed_for_s == pytest.approx(31 * 0.05)
    assert row.well_after_s == pytest.approx(0.55)


def test_what_was_not_sent_is_no_request_but_counts_as_failed() -> None:
    """Of ten arrivals two found nobody free, and one was answered 503."""
    bins = {0: {"ok": 7}, 50: {"503": 1, "not sent": 2}}
    (row,) = metrics.incidents(lived({"token": bins}))
    assert (row.requests, row.failed, row.not_sent, row.share_failed) == (8, 1, 2, 0.3)


@pytest.mark.parametrize(("last_bad", "after"), [(99, 2.0), (100, None), (119, None), (125, None)])
def test_it_takes_a_last_second_without_failures_to_be_well(last_bad: int, after: float | None) -> None:
    """Of 120 bins the last twenty must be clean; what ends after the last arrival counts too."""
    (row,) = metrics.incidents(lived({"token": {0: {"ok": 1}, 45: {"503": 1}, last_bad: {"503": 1}}}))
    assert row.well_after_s == after


def test_the_peak_is_of_any_one_second() -> None:
    """Wherever it begins; neighbours further apart are not added."""
    counts = [0] * 60
    counts[5], counts[24], counts[25] = 3, 4, 5
    assert metrics.peak(counts) == 9, "bins 24 and 25; with 5 it would be more than a second"
    assert metrics.peak([1] * 60) == SECOND
    assert metrics.peak([]) == 0


def watched(sent_ms: list[int], outcomes: list[str]) -> Incident:
    """An arm with one account that is revoked at 2,000 ms."""
    watching = ProbeRecord("token", "revoked", tuple(ms * 1_000_000 for ms in sent_ms), tuple(outcomes))
    (row,) = metrics.incidents(
        lived(
            {"token": {0: {"ok": 1}}},
            events=[revoked("token"), revoked("cookie", 1)],
            kind="revocation",
            watching=[watching],
            prices={"token": RevocationCost(server_cpu_us=9, store_cpu_us=0, store_ops=2)},
        )
    )
    return row


def test_what_is_refused_at_once_was_not_stale() -> None:
    """The first read sent afterwards is refused: a bound from above, and no read in between."""
    (stale,) = watched([1900, 2040, 2140], ["ok", "401 revoked", "401 revoked"]).stale
    assert (stale.what, stale.seconds, stale.at_least, stale.reads) == ("revoked", 0.04, False, 0)


def test_a_read_that_was_sent_before_does_not_count() -> None:
    """However it ended, and though it ended first."""
    (stale,) = watched([2100, 1990, 2200], ["ok", "401 revoked", "401 revoked"]).stale
    assert stale.seconds == pytest.approx(0.2)
    assert stale.reads == 1


def test_what_is_never_refused_was_stale_to_the_end() -> None:
    """A bound from below: the last read's time."""
    row = watched([1900, 2100, 5900], ["ok", "ok", "ok"])
    (stale,) = row.stale
    assert (stale.seconds, stale.at_least, stale.reads) == (3.9, True, 2)
    assert row.price is not None
    assert row.price.store_ops == 2
    assert row.well_after_s is None, "nothing is to be restored"
    assert [event.at_s for event in row.events] == [2], "what was done to other arms is not this one's"


def test_who_is_let_in_again_is_counted_apart() -> None:
    """One read before the first refusal was stale; two after it were let in again."""
    outcomes = ["ok", "401 revoked", "503", "ok", "ok", "401 revoked"]
    row = watched([2100, 2200, 2300, 2400, 2500, 2600], outcomes)
    (stale,) = row.stale
    assert (stale.reads, stale.readmitted, stale.at_least) == (1, 2, False)
    assert stale.seconds == pytest.approx(0.2)


def test_a_refusal_that_was_wanted_is_no_failure() -> None:
    """Of who is watched; another's is, and so is a server that cannot tell."""
    bins = {50: {"401 revoked": 5, "403 demoted": 5}, 60: {"401": 1, "503": 1}}
    (row,) = metrics.incidents(lived({"token": bins}))
    assert (row.requests, row.failed) == (12, 2)
    assert row.failed_for_s == pytest.approx(0.05)


# --- checks ---


def statuses(**changes: object) -> dict[str, str]:
    """How each check on an outage stands."""
    bins = changes.pop("bins", {0: {"ok": 1}, 45: {"503": 1}, 119: {"ok": 1}})
    one = lived({"token": bins}, **changes)  # type: ignore[arg-type,dict-item]  # put together by name
    return {check.check: check.status for check in checks.checks(one)}


def test_what_the_incident_explains_is_no_fault() -> None:
    """All three checks are in order."""
    assert statuses() == {"final report": "ok", "answers": "ok", "arrivals on time": "ok"}


@pytest.mark.parametrize(
    "bins",
    [
        {0: {"ok": 1}, 45: {"500": 1}},
        {0: {"ok": 1}, 45: {"wrong answer: it names another account": 1}},
        {39: {"503": 1}},
    ],
    ids=["a crash", "somebody else's answer", "a failure before anything was done"],
)
def test_other_failures_are(bins: dict[int, dict[str, int]]) -> None:
    """They make it invalid."""
    assert statuses(bins=bins)["answers"] == "invalid"


def test_a_scheme_that_waives_an_outage_may_fail_worse_in_one() -> None:
    """What it waives is explained there alone, and by that kind of incident alone."""
    outage, rotation = kind.find_kind("store outage"), kind.find_kind("key rotation")
    waiving = replace(SCHEMES["token"], waives=("store outage", "idle timeout"))
    assert outage.explained_at(waiving) - outage.explains >= {"500", "lost connection"}
    assert outage.explained_at(SCHEMES["token"]) == outage.explains
    assert "500" not in outage.explains
    assert rotation.explained_at(waiving) == rotation.explains


def test_so_are_failures_before_the_load_began() -> None:
    """While people warm up nothing may go wrong."""
    assert statuses(errors={"503": 1})["answers"] == "invalid"


@pytest.mark.parametrize(("lag_ms", "status"), [(2, "ok"), (2.1, "warning"), (500, "warning")])
def test_a_load_that_lags_is_told(lag_ms: float, status: str) -> None:
    """Counts stay right; what happened when is no surer than that."""
    assert statuses(lag_p99_ns=round(lag_ms * 1e6))["arrivals on time"] == status


@pytest.mark.parametrize("changes", [{"complete": False}, {"bins": {}}])
def test_nothing_is_believed_without_a_report(changes: dict[str, object]) -> None:
    """Torn, or of nothing."""
    assert statuses(**changes)["final report"] == "invalid"


def test_an_incident_leaves_no_verdict_open() -> None:
    """Else a run until decided would never end; its time and its rows are in the findings."""
    findings = ResultBuilder(parse(SUITE.format(name="outage", load=OPEN, more=""), "x", "x.toml"), 1, 3)
    assert findings.undecided()
    findings.add_incident(0, lived({"token": {0: {"ok": 1}}}))
    assert not findings.undecided()
    assert findings.measured_s == 6
    assert [row.arm for row in findings.incidents] == ["token"]


# --- what may be asked for ---


@pytest.mark.parametrize("name", INCIDENTS)
def test_every_kind_can_be_had(name: str) -> None:
    """As the suite that comes with the tool has them, and as `python -m loadtests --list` names them."""
    assert refused(name, more="overlap = true" if name == "rotation" else "") == ""
    assert catalog.scenarios()[name].incident in kind.kinds()


@pytest.mark.parametrize(
    ("name", "load", "more", "words"),
    [
        ("outage", '{ model = "closed" }', "", "scenarios[0].load: expected an open load"),
        (
            "outage",
            '{ model = "open", rate = 9, p99_ms = 5 }',
            'primary = "capacity"',
            "expected an open load",
        ),
        ("outage", OPEN, "slot_ms = 50", "scenarios[0].slot_ms: an incident has no slots"),
        ("outage", OPEN, 'primary = "service_p50"', "scenarios[0].primary: an incident has no slots"),
        ("outage", OPEN, "overlap = true", "overlap: expected in a key rotation only"),
        ("steady", OPEN, "overlap = true", "overlap: expected in a key rotation only"),
        ("rotation", OPEN, "", "overlap: expected true or false"),
        ("revocation", OPEN.replace("users = 4", "users = 3"), "", "load.users: expected 4 or more"),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, load: str, more: str, words: str) -> None:
    """With the key, and what was expected."""
    assert words in refused(name, load, more)


def test_somebody_must_issue_credentials() -> None:
    """The floor alone has none to lose."""
    assert "expected a scheme that issues credentials" in refused("outage", arms='["none"]')


def test_a_store_of_the_users_own_is_not_killed() -> None:
    """Refused before anything starts; a rotation does nothing to it."""
    outage, rotation = (
        parse(SUITE.format(name=name, load=OPEN, more=""), "x", "x.toml") for name in ("outage", "rotation")
    )
    with pytest.raises(SuiteError, match="outage kills the store"):
        preflight.check_store(outage, INCIDENTS, "redis://127.0.0.1")
    preflight.check_store(outage, INCIDENTS, None)
    preflight.check_store(rotation, INCIDENTS, "redis://127.0.0.1")


def test_where_verdicts_are_asked_for_incidents_are_refused() -> None:
    """A gate has nothing to hold them to."""
    about = ScenarioInfo("outage", "", "open", ["read", "login"], True, sets="", incident="store outage")
    suite = parse(SUITE.format(name="outage", load=OPEN, more=""), "x", "x.toml")
    with pytest.raises(SuiteError, match="incidents have no verdict"):
        SuiteValidator("x.toml", {"outage": about}).check_gated(suite)
    SuiteValidator("x.toml", {"outage": replace(about, incident="")}).check_gated(suite)
