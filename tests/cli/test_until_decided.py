"""A run that goes on until its verdicts are reached, from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.results.archive import load
from tests.cli.test_bench import ask, bench

SUITE = """
title = "Are two of the same kind equivalent?"
arms = ["token", "cookie"]
instances = 2
warmup_requests = 20
margin = 0.0001

[[scenarios]]
name = "saturation"
load = {{ model = "closed", users = 4 }}
seconds = 0.4
primary = "{primary}"
"""


def suite(folder: Path, primary: str) -> None:
    """Two instances, so few that tails tell nothing; bytes are the same in every one."""
    (folder / "my.toml").write_text(SUITE.format(primary=primary))


def test_what_is_decided_at_the_first_look_takes_one(tmp_path: Path) -> None:
    """The token's request is longer by the same bytes in every instance."""
    suite(tmp_path, "request_bytes")
    done = bench("run", "my.toml", "--until-decided", "--out", "run", cwd=tmp_path)
    assert done.returncode in (0, 12), done.stdout + done.stderr
    run = load(tmp_path / "run").run
    assert (run.looks, run.batches, run.exit_code) == (3, 1, done.returncode)


@pytest.mark.slow
@pytest.mark.alone
def test_what_is_not_decided_takes_three_looks_and_says_so(tmp_path: Path) -> None:
    """Fresh instances each time; exit code 11, every batch's recording kept, the rows of all."""
    suite(tmp_path, "service_p999")
    done = bench("run", "my.toml", "--until-decided", "--out", "run", "--json", cwd=tmp_path)
    if done.returncode == 12:
        pytest.skip("this machine made a short run invalid")
    assert done.returncode == 11, done.stdout + done.stderr
    assert "not reached in 3 interim analyses" in done.stderr
    assert done.stderr.splitlines()[-1] == "exit code 11"
    result = load(tmp_path / "run")
    assert (result.run.looks, result.run.batches, result.run.exit_code) == (3, 3, 11)
    assert json.loads(done.stdout)["run"]["exit_code"] == 11
    names = {path.name for path in (tmp_path / "run").glob("recording-*")}
    assert names == {f"recording-1-saturation{part}.jsonl.gz" for part in ("", "-batch-2", "-batch-3")}
    rows = [row for row in result.measurements if row.metric == "server_cpu"]
    assert [(row.instances, row.batches) for row in rows] == [(6, [2, 2, 2])] * 2


@pytest.mark.slow
def test_no_batch_begins_that_would_end_too_late(tmp_path: Path) -> None:
    """The limit is kept, and what was measured is there."""
    suite(tmp_path, "service_p999")
    done = bench("run", "my.toml", "--until-decided", "--limit", "1", "--out", "run", cwd=tmp_path)
    assert done.returncode in (11, 12), done.stdout + done.stderr
    assert load(tmp_path / "run").run.batches == 1
    if done.returncode == 11:
        assert "would not end within the limit" in done.stdout


def test_the_plan_tells_how_long_it_may_take(tmp_path: Path) -> None:
    """Up to three times."""
    suite(tmp_path, "service_p999")
    done = ask("run", "my.toml", "--until-decided", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0
    assert "up to 3 times that, until all verdicts are decided, or 900 s" in done.stdout


def test_a_limit_needs_a_run_that_goes_on(tmp_path: Path) -> None:
    """It would be ignored otherwise."""
    done = ask("run", "smoke", "--limit", "5", "--dry-run", cwd=tmp_path)
    assert done.returncode == 2
    assert "--limit requires --until-decided" in done.stderr
