"""`bench.py verify trials`, one trial of each kind, from the outside."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from harness.errors import InvalidMeasurementError
from harness.studies.calibration.commits import COMMITS, Commit
from harness.studies.calibration.gate import Gates
from harness.studies.calibration.trial_log import FILE, Ledger
from harness.studies.load_engine import wrk
from harness.system.cpus import cpu_model
from tests.sandbox import Sandbox

#: Three small trials and the probes before them, on a slow machine.
PATIENCE_S = 900
#: Trials too small to tell anything, made as large ones are.
SMALL = """
from harness.studies.calibration import trial
trial._INSTANCES, trial._SECONDS, trial._USUAL_S = 4, 4, 1
trial._WARMUP_REQUESTS, trial._LIMIT_S = 50, 1  # no trial has a second look
"""


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(PATIENCE_S + 60)
def test_trials_are_made_once_and_told_again(sandbox: Sandbox) -> None:
    """The rates have the shape that is promised; a second call makes nothing and says the same."""
    words = ("verify", "trials", "--trials", "1", "--json", "--out", "trials")
    first = sandbox.run(*words, patience_s=PATIENCE_S, before=SMALL)
    if first.returncode == 12 and "could not be measured" in first.stderr:
        pytest.skip("this machine made short runs invalid")
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert told["aa"]["trials"] == 1
    assert [row["added"] for row in told["slowdowns"]] == [0.03, 0.05]
    for row in told["slowdowns"]:
        assert row["trials"] == 1
        assert row["detected"] in (0, 1)
        assert row["seconds"] > 0
        # The work is a loop of known length: what it took is near what was asked for on any machine.
        assert 0.5 * row["added"] < row["measured_added"] < 2 * row["added"]
    tools = {"wrk", "fast-http-user"} if wrk.is_installed() else {"fast-http-user"}
    assert told["usual"].keys() == tools
    assert all(rates["aa"]["trials"] == 1 for rates in told["usual"].values())
    before = (sandbox.folder / "trials" / FILE).read_bytes()
    second = sandbox.run(*words, before=SMALL)
    assert second.returncode == 0, second.stderr
    assert "0 to go" in second.stderr
    assert json.loads(second.stdout) == told
    assert (sandbox.folder / "trials" / FILE).read_bytes() == before
    assert [path.name for path in Path(sandbox.folder).iterdir()] == ["trials"]


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE_S + 60)
def test_copies_in_two_folders_are_weighed(sandbox: Sandbox) -> None:
    """Kinds that are asked for by name, and no others; the usual way is not asked about copies."""
    kinds = ("elsewhere", "elsewhere-still")
    words = [word for kind in kinds for word in ("--kind", kind)]
    done = sandbox.run(
        *("verify", "trials", "--trials", "1", "--json", "--out", "trials", *words),
        patience_s=PATIENCE_S,
        before=SMALL,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["aa"], told["slowdowns"], told["usual"]) == (None, [], {})
    assert [(row["kind"], row["trials"]) for row in told["shapes"]] == [(kind, 1) for kind in kinds]
    assert all(row["invalid"] or 0.5 < row["ratio"] < 2 for row in told["shapes"])


@pytest.mark.slow
@pytest.mark.parametrize(("options", "part"), [((), "locustfile.py"), (("--gate",), "valkey-server")])
def test_a_calibration_that_is_stopped_leaves_nothing_running(
    sandbox: Sandbox, options: tuple[str, ...], part: str
) -> None:
    """Ctrl-C while servers or a gate run: exit code 130, and no process, socket or temporary file is left."""
    running = sandbox.start("verify", "trials", "--trials", "1", "--out", "trials", *options)
    sandbox.until(running, lambda: any(part in words for words in sandbox.processes()))
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert said.splitlines()[-1] == "exit code 130"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--gate", "--shapes"), "do not apply to --gate"),
        (("--gate", "--kind", "aa"), "do not apply to --gate"),
        (("--kind", "ab"), "no kind of trial 'ab'; there are: aa, slower-3"),
    ],
)
def test_what_cannot_be_counted_is_refused(sandbox: Sandbox, options: tuple[str, ...], told: str) -> None:
    """Before anything is measured or written."""
    done = sandbox.ask("verify", "trials", *options, "--out", "trials")
    assert done.returncode == 2, done.stdout + done.stderr
    assert told in " ".join(done.stderr.split())
    assert not (sandbox.folder / "trials").exists()


def test_the_seed_of_a_calibration_is_kept(sandbox: Sandbox) -> None:
    """Another one is refused before anything is measured."""
    Ledger.begin(sandbox.folder, 7, cpu_model())
    done = sandbox.ask("verify", "trials", "--trials", "1", "--seed", "8", "--out", ".")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "was begun with --seed 7" in done.stderr


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(PATIENCE_S + 60)
@pytest.mark.parametrize(
    "commit", [one for one in COMMITS if one.scheme != "cookie"], ids=lambda commit: commit.name
)
def test_a_gate_is_asked_about_a_commit_of_known_effect(commit: Commit, tmp_path: Path) -> None:
    """A real clone, commit and gate: work that nobody can overlook, in a suite of seconds."""
    suite = tmp_path / "tiny.toml"
    suite.write_text(
        'title = "A gate for tests"\narms = ["token", "cookie"]\ninstances = 4\nwarmup_requests = 50\n'
        '[[scenarios]]\nname = "saturation"\nload = { model = "closed", users = 4 }\nseconds = 4\n'
    )
    try:
        trial = Gates(str(suite), added=3.0).make(commit, 5)
    except InvalidMeasurementError:
        pytest.skip("this machine made a short run invalid")
    assert trial.measured_added.keys() == {"token", "cookie"}
    if trial.exit_code == InvalidMeasurementError.exit_code:
        pytest.skip("this machine made a short run invalid")
    assert trial.seed == 5
    if commit.scheme:
        assert trial.right, trial
        other = min(value for name, value in trial.measured_added.items() if name != commit.scheme)
        # The work is a loop of known length: it took some three times what a request took before.
        assert 1 < trial.measured_added[commit.scheme] - other < 9
    else:
        assert (trial.rounds, trial.probe) == (0, None)
        assert trial.named == []
