"""Servers of somebody else's, started for real: measured to the request, refused in time, ended always."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.errors import BenchError, ConformanceError, EnvironmentFailedError
from harness.results.model import Result
from harness.suites.parse import parse
from harness.system import ports
from harness.testbed import external, launcher
from harness.testbed.launcher import ServerOptions
from harness.testbed.meters import ProcessMeter
from harness.testbed.rig import Rig
from tests import stranger
from tests.sandbox import ROOT, Sandbox

COMMAND = f'command = "{{python}} {stranger.FOLDER}/server.py"'
PORT = 'PORT = "{port}"'
USERS, INSTANCES = 4, 2


@pytest.mark.slow
def test_every_request_is_accounted_for(sandbox: Sandbox) -> None:
    """What the server counts is what was recorded, and what was asked before; what it lacks is told."""
    counted = f'{PORT}\nCOUNTS = "{sandbox.folder}/{{port}}.json"'
    file = stranger.suite(sandbox.folder, (PORT, counted))
    done = sandbox.run("run", str(file), "--out", "run")
    assert done.returncode in (0, 12), done.stdout + done.stderr
    run = sandbox.folder / "run"
    result = Result.model_validate_json((run / "result.json").read_bytes())
    assert "answers" not in {one.check for one in result.validity if one.status == "invalid"}, result.validity

    sent, arms = recorded(run / "recording-1-steady.jsonl.gz")
    told = [json.loads(path.read_text()) for path in sandbox.folder.glob("*.json")]
    assert len(told) == INSTANCES
    counts = sum((Counter(one["counts"]) for one in told), Counter[str]())
    before = {
        "/me": 2 * INSTANCES,  # without a credential, and with that of the first instance
        "/session": 1,
        "/open": INSTANCES,
    }
    assert counts["/me"] == sent["stranger"] + before["/me"]
    assert counts["/session"] == USERS + before["/session"]
    assert counts["/open"] == before["/open"]
    assert sent["stranger"] > 100
    assert sent["stranger"] == pytest.approx(sent["token"], rel=0.2)

    left_out = "journey is measured without stranger, which does not have /logout."
    assert [one.detail for one in result.validity if one.check == "left out"] == [left_out]
    assert f"left out: {left_out}" in done.stdout
    assert {row.arm for row in result.measurements if row.scenario == "journey"} == {"token"}
    about = result.environment.schemes["stranger"]
    assert (about.title, about.transport) == ("http.server, by hand", "bearer")
    assert about.place.endswith("server.py in " + sandbox.folder.name)
    assert len(result.environment.digests["stranger"]) == 64
    report = (run / "report.md").read_text()
    assert left_out in report
    assert "stranger is an external server: http.server, by hand" in report

    secret, texts = told[0]["secret"], [done.stdout, done.stderr, *contents(run)]
    assert len(secret) >= 32
    assert arms == {"token", "stranger"}
    assert not any(secret in text or "swordfish" in text for text in texts)


@pytest.mark.slow
def test_servers_at_addresses_are_measured_without_their_cpu(sandbox: Sandbox) -> None:
    """One instance an address; what nobody reads is left out, and the judged metric is told."""
    text = stranger.SUITE.read_text(encoding="utf-8")
    begin, end = text.index("command ="), text.index("[own.stranger.paths]")
    text = text[: text.index('[[scenarios]]\nname = "journey"')]
    file = sandbox.folder / "at.toml"
    with stranger.running() as one, stranger.running() as other:
        addresses = [f"http://127.0.0.1:{port}" for port in (one, other)]
        told = f'address = {json.dumps(addresses)}\nauthorization = "Token"\n\n'
        file.write_text(text[:begin] + told + text[end:])
        done = sandbox.run("run", str(file), "--out", "run")
    assert done.returncode in (0, 12), done.stdout + done.stderr
    result = Result.model_validate_json((sandbox.folder / "run" / "result.json").read_bytes())
    assert "answers" not in {check.check for check in result.validity if check.status == "invalid"}
    metrics = {row.metric: row for row in result.measurements if row.arm == "stranger"}
    assert metrics["service_p50"].instances == 2
    assert not {"server_cpu", "total_cpu", "server_rss"} & set(metrics)
    assert {"server_cpu", "server_rss"} <= {row.metric for row in result.measurements if row.arm == "token"}
    assert result.environment.schemes["stranger"].place == ", ".join(addresses)
    (code,) = [check.detail for check in result.validity if check.check == "code under test"]
    assert "the code of stranger cannot be checked from this machine" in code


@pytest.mark.slow
def test_a_load_account_that_is_not_there_is_named(sandbox: Sandbox) -> None:
    """The load's own reason is told, not the tables that Locust prints behind it."""
    file = stranger.suite(sandbox.folder, ('load = "user', 'load = "nobody'))
    done = sandbox.run("run", str(file), "--out", "run")
    assert done.returncode == 12, done.stdout + done.stderr
    assert re.search(r"nobody\d@example\.org could not log in: status 401", done.stderr)


def recorded(file: Path) -> tuple[Counter[str], set[str]]:
    """How many requests a recording has of each arm, and which arms its plan names."""
    lines: list[dict[str, Any]] = [
        json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()
    ]
    arms = [target["arm"] for target in lines[0]["plan"]["targets"]]
    sent: Counter[str] = Counter()
    for line in lines:
        if "requests" in line and "step" in line:
            sent[arms[line["instance"]]] += line["requests"]
    return sent, set(arms)


def contents(folder: Path) -> list[str]:
    """All files of a run as text, unpacked."""
    read = [(path, path.read_bytes()) for path in folder.iterdir()]
    return [
        (gzip.decompress(data) if path.suffix == ".gz" else data).decode(errors="replace")
        for path, data in read
    ]


def rig_of(folder: Path, *changes: tuple[str, str], asked: tuple[str, ...] = ()) -> Rig:
    """Instances of the stranger, with something else in its suite."""
    text = stranger.suite(folder, *changes).read_text()
    made = parse(text, "stranger", "stranger.toml")
    (arm,) = external.arms(made, {"stranger": asked}).values()
    return Rig([arm], ServerOptions(users=1), instances=made.instances)


@pytest.mark.parametrize(
    ("changes", "asked", "kind", "words"),
    [
        pytest.param(
            [(PORT, f'{PORT}\nFAULTS = "dies"')],
            (),
            EnvironmentFailedError,
            ["would not start", "ended with exit code 1: no licence for …"],
            id="dies, and tells a secret",
        ),
        pytest.param(
            [(COMMAND, 'command = "no-such-program {port}"')],
            (),
            EnvironmentFailedError,
            ["would not start", "no-such-program: No such file or directory"],
            id="no such program",
        ),
        pytest.param(
            [('ready = "/up"', 'ready = "/nowhere"')],
            (),
            EnvironmentFailedError,
            ["was not ready in time: GET /nowhere at port ", ": no output"],
            id="never ready",
        ),
        pytest.param(
            [(COMMAND, f'''command = "sh -c '({{python}} {stranger.FOLDER}/server.py &); exec sleep 60'"''')],
            (),
            EnvironmentFailedError,
            ["was not started by sh -c", "run the server in the foreground"],
            id="goes to the background",
        ),
        pytest.param(
            [(PORT, f'{PORT}\nFAULTS = "keeps-to-itself"')],
            (),
            ConformanceError,
            ["server stranger #1: a read with a credential from another", "{secret} and {redis_url}"],
            id="instances share nothing",
        ),
        pytest.param(
            [('example = "alice', 'example = "bob')],
            (),
            ConformanceError,
            ["the login of bob@example.org returned 401", "[own.stranger.accounts]"],
            id="no such account",
        ),
        pytest.param(
            [(PORT, f'{PORT}\nFAULTS = "forgets-mail"')],
            ("/api/email",),
            ConformanceError,
            ["POST /me/mail returned 404", 'to [own.stranger.paths]: "/api/email" = ""'],
            id="a route is not there",
        ),
        pytest.param(
            [(PORT, f'{PORT}\nFAULTS = "strangers"')],
            (),
            ConformanceError,
            ["GET /me without a credential returned 200; the contract requires 401"],
            id="lets strangers in",
        ),
    ],
)
def test_what_cannot_be_measured_is_told_and_ended(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: list[tuple[str, str]],
    asked: tuple[str, ...],
    kind: type[BenchError],
    words: list[str],
) -> None:
    """A sentence that says what to do; whatever had started is gone by then."""
    if "was not ready" in words[0]:
        monkeypatch.setattr(launcher, "_START_TIMEOUT_S", 2)
    with pytest.raises(kind) as failed, rig_of(tmp_path, *changes, asked=asked):
        pass
    assert [word for word in words if word not in str(failed.value)] == [], str(failed.value)
    assert alive() == []


def test_a_port_that_somebody_else_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not taken for the server, whichever of the two is seen first."""
    with stranger.running() as port:
        monkeypatch.setattr(launcher, "free_ports", lambda count: [port] * count)
        with (
            pytest.raises(EnvironmentFailedError, match=r"would not start|was not started by"),
            rig_of(tmp_path, ("instances = 2", "instances = 1")),
        ):
            pass
        assert len(alive()) == 1, "the other one goes on"


def test_all_processes_of_an_instance_are_read(tmp_path: Path) -> None:
    """A command that starts another is an instance of two."""
    command = f'''command = "sh -c '{{python}} {stranger.FOLDER}/server.py; true'"'''
    with rig_of(tmp_path, (COMMAND, command), ("instances = 2", "instances = 1")) as one:
        (instance,) = one.instances
        assert isinstance(instance.meter, ProcessMeter)
        (server,) = alive()
        assert instance.meter.members == [instance.pid, server]
        before = instance.meter.cpu().on_ns
        deadline = time.monotonic() + 30
        while instance.meter.cpu().on_ns == before and time.monotonic() < deadline:
            external._status(instance.target.port, "/up")
        assert instance.meter.cpu().on_ns > before
    assert alive() == []


def alive() -> list[int]:
    """The strangers that a shell or a test has started, of those with this session's temporary folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if words[1:2] == [f"{stranger.FOLDER}/server.py"] and process.info["status"] != psutil.STATUS_ZOMBIE:
            with contextlib.suppress(psutil.Error):  # over by now
                if process.environ().get("TMPDIR") == os.environ["TMPDIR"]:
                    found.append(process.pid)
    return found


@pytest.mark.skipif(
    sys.platform != "linux", reason="the kernel of no other system ends what a killed one left"
)
def test_nothing_outlives_a_killed_harness(tmp_path: Path) -> None:
    """Not what was started, and not what that had started."""
    program = f"""
import os, time
from pathlib import Path
from harness.system.process_groups import ProcessGroups
groups = ProcessGroups()
words = ["sh", "-c", "sleep 600 & echo $! $$; wait"]
groups.start(words, environment=dict(os.environ), folder=Path("/"), log=Path({str(tmp_path / "log")!r}))
print("started", flush=True)
time.sleep(600)
"""
    harness = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert harness.stdout is not None
        assert harness.stdout.readline() == "started\n"
        deadline = time.monotonic() + 30
        while not (said := (tmp_path / "log").read_text()).endswith("\n") and time.monotonic() < deadline:
            time.sleep(0.02)
        started = [psutil.Process(int(pid)) for pid in said.split()]
        assert [one.name() for one in started] == ["sleep", "sh"]
        os.kill(harness.pid, signal.SIGKILL)
        _, left = psutil.wait_procs(started, timeout=30)
        assert left == []
    finally:
        harness.kill()
        harness.wait()
        assert harness.stdout is not None
        harness.stdout.close()


def test_ports_are_different_and_free() -> None:
    """And none that the system gives to clients by itself."""
    found = ports.free_ports(50)
    assert len(set(found)) == 50
    assert all(port in ports._PORTS for port in found)
    with stranger.running() as taken:
        assert not ports._is_free(taken)


def test_a_digest_is_of_what_was_written(tmp_path: Path) -> None:
    """Content and names count; packages, hidden files and what git ignores do not."""
    (tmp_path / "server.js").write_text("one")
    (tmp_path / "log").symlink_to("nowhere")
    first = external.digest(tmp_path)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "a.js").write_text("a")
    (tmp_path / ".env").write_text("SECRET")
    assert external.digest(tmp_path) == first
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)  # noqa: S607 - the user's own
    (tmp_path / ".gitignore").write_text("node_modules\n.env\nlog\n*.sqlite\n")
    in_git = external.digest(tmp_path)
    (tmp_path / "sessions.sqlite").write_text("written while it runs")
    assert external.digest(tmp_path) == in_git
    (tmp_path / "server.js").write_text("two")
    changed = external.digest(tmp_path)
    (tmp_path / "server.js").rename(tmp_path / "index.js")
    assert len({first, in_git, changed, external.digest(tmp_path)}) == 4
