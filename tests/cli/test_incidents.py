"""Incidents from the outside, in small: what arms live through, what is refused, what ends a run half-way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from itertools import pairwise

import pytest

from harness.protocol.incidents import NOT_SENT, TIMEOUT
from harness.report import cleanup
from harness.results.incidents import Incident
from harness.results.model import Result
from harness.suites.catalog import load_suite
from harness.suites.forecast import forecast
from tests.sandbox import Sandbox, parts

HEAD = """
title = "Incidents, in small"
arms = ["anonymous", "token", "token-denylist", "token-rs256", "cookie", "cookie-client"]
instances = 1
warmup_requests = 20
"""
#: With as many people as arrivals a second, a load that was kept waiting for less finds somebody free.
PEOPLE = 20
OUTAGE = """
[[scenarios]]
name = "outage"
load = { model = "open", users = 20, rate = 20 }
seconds = 9
"""
OTHERS = """
[[scenarios]]
name = "rotation"
load = { model = "open", users = 20, rate = 20 }
seconds = 6
overlap = false

[[scenarios]]
name = "rotation"
load = { model = "open", users = 20, rate = 20 }
seconds = 6
overlap = true

[[scenarios]]
name = "revocation"
load = { model = "open", users = 12, rate = 24 }
seconds = 6

[[scenarios]]
name = "steady"
load = { model = "open", users = 4, rate = 100 }
seconds = 1.5
"""
#: For all of them, on a slow machine.
PATIENCE_S = 250
SERVER = "--key-prefix"  # only a server's command line has it


def small(sandbox: Sandbox, scenarios: str) -> tuple[str, ...]:
    """The command that runs a suite of these."""
    (sandbox.folder / "small.toml").write_text(HEAD + scenarios)
    return "run", "small.toml", "--out", "run"


def stored(sandbox: Sandbox) -> Result:
    """The result, which must be whole."""
    return Result.model_validate_json((sandbox.folder / "run" / "result.json").read_bytes())


def of(result: Result, arm: str, name: str) -> Incident:
    """How an arm lived through an incident, named by its kind and parameters."""
    (row,) = [
        row
        for row in result.incidents
        if (row.arm, ", ".join([row.kind, *row.params.values()])) == (arm, name)
    ]
    return row


def first_and_last(row: Incident, outcome: str) -> tuple[int, int]:
    """The first bin with an outcome, and the last."""
    met = [number for number, count in enumerate(row.bins.outcomes[outcome]) if count]
    return met[0], met[-1]


def lived_through(sandbox: Sandbox, scenarios: str) -> tuple[subprocess.CompletedProcess[str], Result]:
    """Run them."""
    done = sandbox.run(*small(sandbox, scenarios), patience_s=PATIENCE_S)
    assert done.returncode in (0, 12), done.stdout + done.stderr  # 12: a starved machine, said so
    return done, stored(sandbox)


def stalled(result: Result) -> bool:
    """Whether arrivals found nobody free, or somebody waited in vain, as no scheme here makes them."""
    return any(row.outcomes.keys() & {NOT_SENT, TIMEOUT} for row in result.incidents)


@pytest.mark.slow
@pytest.mark.alone
def test_each_scheme_lives_through_each_incident_as_it_promises(sandbox: Sandbox) -> None:
    """One run of all of them: who fails, with what, in which order, and that all end well."""
    done, result = lived_through(sandbox, OUTAGE + OTHERS)
    if stalled(result):  # for longer than people wait: what they met then is the machine's
        shutil.rmtree(sandbox.folder / "run")
        done, result = lived_through(sandbox, OUTAGE + OTHERS)
    assert {check.status for check in result.validity if check.check == "answers"} == {"ok"}
    issuing = ["token", "token-denylist", "token-rs256", "cookie", "cookie-client"]
    assert [row.arm for row in result.incidents] == issuing * 4, "the floor has nothing to lose"

    for arm in ("token", "token-rs256", "cookie-client"):
        row = of(result, arm, "store outage")
        assert (set(row.outcomes), row.failed_for_s, row.well_after_s) == ({"ok"}, 0, 0)
    listed, session = (of(result, arm, "store outage") for arm in ("token-denylist", "cookie"))
    assert set(listed.outcomes) == {"ok", "503", "401 revoked"}
    assert listed.logins == 0
    assert set(session.outcomes) == {"ok", "503", "401", "401 revoked", "login"}
    assert session.outcomes["401"] == session.logins == PEOPLE - 1, "everybody is out, once; one stays out"
    assert first_and_last(session, "503")[0] < first_and_last(session, "401")[0]
    assert first_and_last(session, "401")[0] <= first_and_last(session, "login")[0]
    assert first_and_last(session, "ok")[1] > first_and_last(session, "login")[1]
    for row in (listed, session):
        assert row.well_after_s is not None
        what = ["account revoked", "store killed", "store back, empty"]
        assert [event.what for event in row.events] == what
        assert all(before.at_s < after.at_s for before, after in pairwise(row.events))
        assert row.events[1:] == of(result, "token", "store outage").events[1:], "the same moments for all"
    # A list of what was ended is gone with its store; a session that was ended is no less gone.
    readmitted = {
        row.arm: row.stale[0].readmitted > 0 for row in result.incidents if row.kind == "store outage"
    }
    assert readmitted == {arm: arm == "token-denylist" for arm in issuing}
    assert of(result, "token", "store outage").stale[0].at_least, "it was in all the time"

    sessions = of(result, "cookie", "key rotation, false")
    assert set(sessions.outcomes) == {"ok"}
    for arm in ("token", "token-denylist", "token-rs256", "cookie-client"):
        row = of(result, arm, "key rotation, false")
        assert (row.outcomes["401"], row.logins, set(row.outcomes)) == (
            PEOPLE,
            PEOPLE,
            {"ok", "401", "login"},
        )
        assert row.well_after_s is not None
    for arm in issuing:
        assert set(of(result, arm, "key rotation, true").outcomes) == {"ok"}, arm

    for arm in issuing:
        row = of(result, arm, "revocation")
        stale = [(one.what, one.at_least, one.reads > 0) for one in row.stale]
        stays = arm in ("token", "token-rs256", "cookie-client")
        assert stale == [(what, stays, stays) for what in ("revoked", "demoted", "password changed")], arm
        assert row.price is not None
        assert (row.price.store_ops > 0) != stays
        assert row.price.server_cpu_us > 0
        assert all(before.at_s <= after.at_s for before, after in pairwise(row.events))

    # What comes after finds servers and store in order.
    assert {row.scenario for row in result.measurements} == {"steady"}
    assert [row.scenario for row in result.run.slots] == ["steady"]
    names = {path.name for path in (sandbox.folder / "run").iterdir()}
    assert {"recording-1-outage.jsonl.gz", "recording-3-rotation.jsonl.gz", "incidents.png"} <= names
    assert "store outage (open, 20/s constant, each scheme)" in done.stdout
    (found,) = cleanup.find(sandbox.folder, sandbox.folder / "nowhere")
    assert found.others == ()


def started(process: subprocess.Popen[str]) -> bool:
    """Whether store, six servers and Locust run."""
    return len(parts(process)) >= 8


def has_no_store(process: subprocess.Popen[str]) -> bool:
    """Whether the store was killed by now."""
    lines = parts(process).values()
    return not any("valkey-server" in line or "embedded_store" in line for line in lines)


@pytest.mark.slow
def test_ctrl_c_while_the_store_is_away(sandbox: Sandbox) -> None:
    """130, no result of half an incident, and nothing is left running."""
    running = sandbox.start(*small(sandbox, OUTAGE))
    sandbox.until(running, lambda: started(running))
    sandbox.until(running, lambda: has_no_store(running))
    os.killpg(running.pid, signal.SIGINT)
    said, _ = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert "Traceback" not in said
    assert said.strip().splitlines()[-1] == "exit code 130"
    assert not (sandbox.folder / "run").exists(), "nothing was finished"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("victim", "code", "words"),
    [
        (SERVER, 3, "died"),
        ("valkey-server", 3, "the session store died"),
        ("loadtests/locustfile.py", 12, "without its final report"),
    ],
    ids=["a server", "the store, before its time", "Locust"],
)
def test_a_part_that_dies_of_itself_is_named(sandbox: Sandbox, victim: str, code: int, words: str) -> None:
    """An incident explains what it does itself, and nothing else: not a store that dies before its time."""
    running = sandbox.start(*small(sandbox, OUTAGE))
    sandbox.until(running, lambda: started(running))
    if victim != "valkey-server":
        sandbox.until(running, lambda: has_no_store(running))
    sandbox.part(running, victim).kill()
    said, _ = running.communicate(timeout=60)
    assert running.returncode == code, said
    assert words in said
    assert "Traceback" not in said
    assert said.strip().splitlines()[-1] == f"exit code {code}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "incidents", "--redis-url", "redis://127.0.0.1:1"), "outage kills the store"),
        (("run", "incidents", "--processes", "2"), "--processes: "),
        (("check", "incidents", "--baseline", "none.json"), "incidents have no verdict"),
        (("check", "incidents", "--against", "HEAD"), "incidents have no verdict"),
        (("check", "incidents", "--save-baseline", "base.json"), "incidents have no verdict"),
    ],
)
def test_what_incidents_cannot_do_is_refused(
    sandbox: Sandbox, arguments: tuple[str, ...], words: str
) -> None:
    """Before anything is started, with what to do."""
    done = sandbox.ask(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_plan_is_told(sandbox: Sandbox) -> None:
    """What happens, for how long, and that nothing is judged."""
    done = sandbox.ask("run", "incidents", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "store outage, all servers at once for 18 s; described, without verdicts" in done.stdout
    assert done.stdout.count("key rotation, all servers at once") == 2


def test_the_suite_is_what_it_promises() -> None:
    """All three incidents, a rotation both ways, under two minutes, arms with something to lose."""
    suite = load_suite("incidents")
    assert [(scenario.name, scenario.overlap) for scenario in suite.scenarios] == [
        *(("outage", None), ("rotation", False), ("rotation", True)),
        ("revocation", None),
    ]
    assert "anonymous" not in suite.arms
    assert {"token", "token-denylist", "cookie", "cookie-client"} <= set(suite.arms)
    assert forecast(suite).seconds < 120
