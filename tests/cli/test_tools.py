"""The tools around a run from the outside: doctor, compare, export, clean."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.results.environment import MachineFinding
from harness.results.model import Result
from tests.cli.test_bench import ask
from tests.sandbox import ROOT

STORED = Path(__file__).parents[1] / "harness" / "data" / "result.json"


def put(folder: Path, **environment: object) -> Path:
    """The stored run in a folder, from a machine that differs in this."""
    result = Result.model_validate_json(STORED.read_text())
    folder.mkdir(parents=True)
    changed = result.model_copy(update={"environment": result.environment.model_copy(update=environment)})
    (folder / "result.json").write_text(changed.model_dump_json())
    return folder


def clean(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `bench.py clean` there, with a cache of its own, after all that lies there was written long ago.

    A run of anyone's on this machine protects what is younger than itself.
    """
    for path in sorted((folder / "results").rglob("*"), reverse=True):
        os.utime(path, (0, 0))
    return ask("clean", *words, cwd=folder, XDG_CACHE_HOME=str(folder / "cache"))


def test_the_doctor_tells_programs_what_it_found(tmp_path: Path) -> None:
    """Findings as JSON, warnings or not; a store that does not answer ends with 3, its password nowhere."""
    url = "redis://:s3cret-word@127.0.0.1:1/0"
    done = ask("doctor", "smoke", "--json", "--redis-url", url, cwd=tmp_path)
    findings = [MachineFinding.model_validate(row) for row in json.loads(done.stdout)]
    assert [row.check for row in findings if row.concern == "blocker"] == ["store"]
    assert findings[0].check == "store"
    assert done.returncode == 3
    assert "a run cannot start on this machine: store: redis://127.0.0.1:1/0" in done.stderr
    assert "s3cret-word" not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_doctors_warnings_are_no_failure(tmp_path: Path) -> None:
    """A table for people, exit code 0 wherever a run could start."""
    done = ask("doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "versions" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_compare_writes_tables_figures_and_a_file(tmp_path: Path) -> None:
    """By id and by folder; programs get the file on standard output, people their tables beside."""
    put(tmp_path / "results" / "one")
    put(tmp_path / "elsewhere")
    done = ask("compare", "one", "elsewhere", "--out", "out", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "comparison.json",
        "report.html",
        *(f"{name}.{kind}" for name in ("between-arms", "over-base") for kind in ("png", "svg")),
    }
    assert "no verdict" in done.stderr


@pytest.mark.slow
def test_compare_refuses_times_of_another_machine(tmp_path: Path) -> None:
    """It says why, and shows ratios; by default what it writes lies among the results."""
    put(tmp_path / "results" / "one")
    put(tmp_path / "results" / "two", cpu="Another CPU", cores=64)
    done = ask("compare", "one", "two", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Times and rates are not compared" in " ".join(done.stdout.split())
    assert "µs/req" not in done.stdout
    [folder] = (tmp_path / "results").glob("compare-*")
    assert not (folder / "over-base.png").exists()


def test_a_result_is_exported_beside_itself_and_cleaned_with_it(tmp_path: Path) -> None:
    """Each file that was written is printed; what other tools take away is not what must stay."""
    run = put(tmp_path / "results" / "one")
    done = ask("report", "latest", "--format", "csv", "--format", "bencher", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    written = {Path(line).name for line in done.stdout.splitlines()}
    assert written == {"measurements.csv", "comparisons.csv", "bencher.json"}
    assert {path.name for path in run.iterdir()} == {"result.json", *written}
    assert clean(tmp_path, "--yes").returncode == 0
    assert not run.exists()


def test_formats_are_listed_and_others_refused(tmp_path: Path) -> None:
    """Nothing is written in either case."""
    put(tmp_path / "results" / "one")
    listed = ask("list", "formats", cwd=tmp_path)
    assert listed.returncode == 0
    assert "github-action-benchmark" in listed.stdout
    refused = ask("report", "one", "--format", "jnuit", cwd=tmp_path)
    assert refused.returncode == 2
    assert "expected one of bencher, csv, github-action-benchmark" in refused.stderr
    assert "Did you mean 'junit'?" in refused.stderr
    assert [path.name for path in (tmp_path / "results" / "one").iterdir()] == ["result.json"]


def test_compare_names_what_it_cannot_find(tmp_path: Path) -> None:
    """Exit code 2, and nothing is written."""
    put(tmp_path / "results" / "one")
    done = ask("compare", "one", "two", cwd=tmp_path)
    assert done.returncode == 2
    assert "two: no such result" in done.stderr
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["one"]


@pytest.mark.slow
def test_clean_asks_before_it_removes(tmp_path: Path) -> None:
    """A script must say --yes; published runs stay even then."""
    put(tmp_path / "results" / "published" / "kept")
    shutil.copytree(put(tmp_path / "results" / "one"), tmp_path / "results" / "two")
    asked = clean(tmp_path)
    assert asked.returncode == 2, asked.stderr
    assert (tmp_path / "results" / "one" / "result.json").exists()
    told = clean(tmp_path, "--yes", "--keep", "9")
    assert told.returncode == 0, told.stderr
    assert "nothing to remove; 2 more are kept" in told.stdout
    done = clean(tmp_path, "--yes")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "results" / "one").exists()
    assert not (tmp_path / "results" / "two").exists()
    assert (tmp_path / "results" / "published" / "kept" / "result.json").exists()


def test_history_writes_a_table_figures_and_a_file(tmp_path: Path) -> None:
    """From stored results, of which times on one machine and ratios on all are followed."""
    published = ROOT / "results" / "published" / "20261126-quick"
    shutil.copytree(published, tmp_path / "published" / "later")
    result = json.loads((published / "result.json").read_text())
    result["run"]["started_at"] = "2026-11-20T08:00:00Z"
    (tmp_path / "published" / "earlier").mkdir()
    (tmp_path / "published" / "earlier" / "result.json").write_text(json.dumps(result))
    done = ask("history", "--results", "published", "--out", "out", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    written = {file.name for file in (tmp_path / "out").iterdir()}
    assert {"history.json", "history-total_cpu.png", "history-ratios.svg"} <= written
    found = json.loads((tmp_path / "out" / "history.json").read_text())
    assert json.loads(done.stdout) == found
    assert all(len(one["points"]) > 1 for one in found["series"])
    assert "saturation (closed, 8 users)" in done.stderr
    assert ask("history", "--results", "out", cwd=tmp_path).returncode == 2
    assert "expected one of" in ask("history", "--metric", "speed", cwd=tmp_path).stderr
