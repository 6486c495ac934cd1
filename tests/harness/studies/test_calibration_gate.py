"""Commits of known effect: what is committed, what counts as a wrong answer, and how trials are kept."""

from __future__ import annotations

import json
import tempfile
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.errors import EnvironmentFailedError, SuiteError
from harness.studies.calibration import run
from harness.studies.calibration.commits import COMMITS, Commit, GateTrial, rows, summary, with_busy_work
from harness.studies.calibration.console import render_gate
from harness.studies.calibration.error_rates import rate
from harness.studies.calibration.trial_kinds import Probe
from harness.studies.calibration.trial_log import GATE_FILE, gate_log
from harness.system.cpus import cpu_model
from harness.system.output import Output

ROOT = Path(__file__).parents[3]


def trial(kind: str, exit_code: int, *named: str, **changes: Any) -> GateTrial:
    """A trial of this commit that ended so."""
    fields: dict[str, Any] = {
        "kind": kind,
        "machine": cpu_model(),
        "seed": 1,
        "started_at": "2026-11-25T00:00:00+00:00",
        "revision": "0123456789abcdef",
        "dirty": False,
        "probe": None if kind == "readme" else Probe(server_cpu_us=80, round_ns=20),
        "rounds": 0 if kind == "readme" else 400,
        "exit_code": exit_code,
        "named": list(named),
        "batches": 1,
        "seconds": 60,
        "measured_added": {"token": 0.1, "cookie": 0.01},
        "gate": [],
    }
    return GateTrial.model_validate(fields | changes)


@pytest.mark.parametrize("commit", [one for one in COMMITS if one.scheme], ids=lambda one: one.name)
def test_the_loop_is_put_where_each_scheme_checks(commit: Commit) -> None:
    """At the beginning of the check; whatever else the file has stays, and it can still be compiled."""
    before = (ROOT / commit.file).read_text()
    after = with_busy_work(before, 123)
    compile(after, commit.file, "exec")
    added = ["from itertools import repeat", "        for _ in repeat(None, 123):", "            pass"]
    lines = after.splitlines()
    check = next(number for number, line in enumerate(lines) if "async def identify(" in line)
    assert lines[check + 1 : check + 3] == added[1:]
    for line in added:
        lines.remove(line)
    assert lines == before.splitlines()


CHECK = """
import abc

class A:
    async def identify(self):
        'Say who.'
        return {}
"""


def test_the_loop_really_turns_in_the_check() -> None:
    """Behind a docstring, before anything else; and a file without a check is refused."""
    found: dict[str, Any] = {}
    exec(with_busy_work(CHECK, 3), found)  # noqa: S102 - our own, just made
    assert found["A"].identify.__doc__ == "Say who."
    turned: list[tuple[object, int]] = []

    def repeat(thing: object, times: int) -> list[object]:
        turned.append((thing, times))
        return [thing] * times

    found["repeat"] = repeat
    with pytest.raises(StopIteration):
        found["A"]().identify().send(None)
    assert turned == [(None, 3)]
    with pytest.raises(SuiteError, match=r"`identify` \(got 0\)"):
        with_busy_work("import abc\n", 3)


@pytest.mark.parametrize(
    ("kind", "exit_code", "named", "right", "answered"),
    [
        ("readme", 0, [], True, True),
        ("readme", 10, ["cookie"], False, True),
        ("readme", 11, [], False, False),
        ("slow-token", 10, ["token"], True, True),
        ("slow-token", 0, [], False, True),
        ("slow-token", 10, ["cookie"], False, True),
        ("slow-token", 10, ["cookie", "token"], False, True),
        ("slow-token", 12, [], False, False),
        ("slow-cookie", 10, ["cookie"], True, True),
    ],
)
def test_what_is_right(kind: str, exit_code: int, named: list[str], right: bool, answered: bool) -> None:
    """The exit code and the names together; who cannot tell has not answered, and was not right."""
    one = trial(kind, exit_code, *named)
    assert (one.right, one.answered) == (right, answered)


def test_wrong_answers_are_counted_with_their_interval() -> None:
    """Of each kind and of all; the work that was measured is that of the scheme it was meant for."""
    trials = [
        trial("readme", 0),
        trial("readme", 10, "token", seconds=90),
        trial("slow-cookie", 10, "cookie", measured_added={"token": 0.0, "cookie": 0.11}),
        trial("slow-cookie", 11, measured_added={}),
    ]
    readme, cookie = rows(trials)
    assert (readme.right, readme.wrong, readme.unanswered) == (rate(1, 2), rate(1, 2), 0)
    assert (cookie.right, cookie.wrong, cookie.unanswered) == (rate(1, 2), rate(0, 2), 1)
    assert readme.measured_added is None
    assert cookie.measured_added is not None
    assert cookie.measured_added.value == 0.11
    told = json.loads(json.dumps(summary(trials)))
    assert (told["trials"], told["wrong"]) == (4, 1)
    assert told["wrong_ci"] == list(rate(1, 4).ci)
    assert [row["kind"] for row in told["commits"]] == ["readme", "slow-cookie"]
    assert told["commits"][0]["seconds"] == 75
    text = StringIO()
    render_gate(trials, Console(file=text, width=80))
    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["commit", "right", "wrong", "no", "answer", "seconds"]
    assert "wrong answers: 1 of 4 (1%-81%)" in text.getvalue()


def test_a_table_of_many_slow_trials_cuts_nothing() -> None:
    """Forty of each commit in a crowded hour, in 80 columns."""
    text = StringIO()
    named: dict[str, list[str]] = {"readme": [], "slow-token": ["token"], "slow-cookie": ["cookie"]}
    trials = [
        trial(kind, 10 if names else 0, *names, seconds=293)
        for kind, names in named.items()
        for _ in range(40)
    ]
    render_gate(trials, Console(file=text, width=80))
    assert text.getvalue().count("40 of 40 (91%-100%)") == len(named)
    assert text.getvalue().count("293 (293-293)") == len(named)


def test_trials_of_the_gate_are_kept_and_stay_on_their_machine(tmp_path: Path) -> None:
    """None at first; then all; those of another CPU are refused, and so is what cannot be read."""
    log = gate_log(tmp_path, cpu_model())
    assert log.trials == []
    kept = [trial("readme", 0), trial("slow-token", 10, "token")]
    for one in kept:
        log.add(one)
    assert gate_log(tmp_path, cpu_model()).trials == kept
    with pytest.raises(SuiteError, match="another machine"):
        gate_log(tmp_path, "my own")
    (tmp_path / GATE_FILE).write_text("no trials\n")
    with pytest.raises(SuiteError, match="not a list of trials"):
        gate_log(tmp_path, cpu_model())


class Stub:
    """Stands for the gate: makes nothing, and fails on the commit that it is told."""

    fails_at = ""
    made: list[tuple[str, int | None]]

    def make(self, commit: Commit, seed: int | None) -> GateTrial:
        """As if it had been right."""
        if commit.name == self.fails_at:
            raise EnvironmentFailedError("no git")
        self.made.append((commit.name, seed))
        return trial(commit.name, *((10, commit.scheme) if commit.scheme else (0,)))


def test_a_calibration_of_the_gate_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is done is kept when a trial fails, and is not made again; seeds count on."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where runs meet
    monkeypatch.setattr(run, "Gates", Stub)
    monkeypatch.setattr(Stub, "made", [], raising=False)
    monkeypatch.setattr(Stub, "fails_at", "slow-cookie")
    out = tmp_path / "trials"

    def calibrate() -> None:
        run.calibrate_gate(2, out, 7, Output(Console(file=StringIO()), as_json=True), wait=False)

    with pytest.raises(EnvironmentFailedError, match="no git"):
        calibrate()
    assert [one.kind for one in gate_log(out, cpu_model()).trials] == ["readme", "slow-token"]
    Stub.fails_at = ""
    calibrate()
    names = [name for name, _ in Stub.made]
    assert names == ["readme", "slow-token", "slow-cookie", "readme", "slow-token", "slow-cookie"]
    assert [seed for _, seed in Stub.made] == [7, 10, 13, 16, 19, 22]
    told = json.loads(capsys.readouterr().out)
    assert (told["trials"], told["wrong"]) == (6, 0)
    calibrate()
    assert len(Stub.made) == 6
