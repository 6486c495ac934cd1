"""The regression gate from the outside: scratch repositories, real servers, real verdicts."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.results.archive import load
from servers.bench.ready_line import package_digest
from tests import scratch
from tests.sandbox import ROOT, Sandbox
from tests.scratch import TOLERANCE, check, commit, replaced, slow_down, suite


@pytest.fixture
def repository(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A scratch repository of servers, by default a copy of ours, with one commit."""

    def make(package: str = "servers") -> Path:
        return scratch.repository(tmp_path_factory.mktemp("repositories") / "repository", package)

    return make


@pytest.mark.slow
@pytest.mark.alone
def test_a_slowdown_that_was_committed_fails_the_build(
    sandbox: Sandbox, repository: Callable[..., Path], tmp_path: Path
) -> None:
    """Exit code 10, the scheme's name, the summary, the exports; and nothing is left behind."""
    top = repository()
    slow_down(top / "servers" / "credentials" / "token_scheme.py")
    commit(top, "Check more | thoroughly `now`")
    step = tmp_path / "step.md"
    step.write_text("before\n")
    where = ("--against", "HEAD~1", "--repo", str(top))
    exports = ("--format", "junit", "--format", "markdown")
    done = check(sandbox, suite(tmp_path), *where, *TOLERANCE, *exports, GITHUB_STEP_SUMMARY=str(step))
    assert done.returncode == 10, done.stdout + done.stderr
    assert done.stderr.splitlines()[-1] == "exit code 10"
    assert "error: Regression against" in done.stderr
    result = load(sandbox.folder / "run")
    assert result.run.exit_code == 10
    assert {row.subject for row in result.gate if row.answer == "regression"} == {"token"}
    assert result.run.batches >= 2
    assert result.comparand is not None
    assert result.comparand.differing == ["servers/credentials/token_scheme.py"]
    before, now = result.comparand.sides
    assert (before.commit, before.end, now.end) == (result.comparand.name, "base", "head")
    assert before.commit != now.commit
    assert before.model_dump(exclude={"end", "commit"}) == now.model_dump(exclude={"end", "commit"})
    assert set(result.arms()) == {"token@base", "token@head"}
    assert len(set(result.environment.digests.values())) == 2
    page = (sandbox.folder / "run" / "check.md").read_text()
    assert page.startswith("## Regression against")
    assert step.read_text() == "before\n" + page
    assert {"junit.xml", "summary.md"} <= {file.name for file in (sandbox.folder / "run").iterdir()}
    assert len(list((top / ".git").glob("worktrees/*"))) == 0


@pytest.mark.slow
@pytest.mark.alone
def test_a_documentation_only_commit_passes(
    sandbox: Sandbox, repository: Callable[..., Path], tmp_path: Path
) -> None:
    """The same code twice, of a repository whose servers have another name and place."""
    top = repository("api")
    (top / "backend").mkdir()
    (top / "api").rename(top / "backend" / "api")
    commit(top, "Move")
    (top / "README.md").write_text("Hello again\n")
    commit(top, "Say hello again")
    servers = '[servers]\ncommand = "python -m api"\nfolder = "backend"\n'
    where = ("--against", "HEAD~1", "--repo", str(top))
    done = check(sandbox, suite(tmp_path, servers), *where, *TOLERANCE, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    result = load(sandbox.folder / "run")
    assert result.gate
    assert {row.answer for row in result.gate} == {"pass"}
    assert len(set(result.environment.digests.values())) == 1
    assert json.loads(done.stdout)["gate"] == [row.model_dump(mode="json") for row in result.gate]
    shutil.rmtree(sandbox.folder / "run")
    done = check(sandbox, suite(tmp_path, servers), *where, "--skip-unchanged")
    assert done.returncode == 0
    assert "nothing to measure" in done.stdout
    assert not (sandbox.folder / "run").exists()


@pytest.mark.slow
def test_code_from_elsewhere_is_an_invalid_measurement(
    sandbox: Sandbox, repository: Callable[..., Path], tmp_path: Path
) -> None:
    """A server that reports another place, and servers that report one digest for two revisions."""
    top = repository()
    announce = top / "servers" / "bench" / "ready_line.py"
    honest = announce.read_text()
    where = ("--against", "HEAD", "--repo", str(top))
    announce.write_text(replaced(honest, ('"package": str(_PACKAGE)', '"package": "/elsewhere/servers"')))
    done = check(sandbox, suite(tmp_path), *where, *TOLERANCE)
    assert done.returncode == 12, done.stdout + done.stderr
    assert "loaded its code from /elsewhere/servers" in done.stderr
    announce.write_text(replaced(honest, ('"digest": package_digest()', '"digest": "always the same"')))
    commit(top, "Lie")
    (top / "servers" / "http" / "app_keys.py").write_text(
        (top / "servers" / "http" / "app_keys.py").read_text() + "\n# changed\n"
    )
    done = check(sandbox, suite(tmp_path), *where, *TOLERANCE)
    assert done.returncode == 12, done.stdout + done.stderr
    assert "servers/http/app_keys.py differ" in done.stderr
    assert load(sandbox.folder / "run").run.exit_code == 12


@pytest.mark.slow
def test_a_stopped_check_leaves_no_worktree(
    sandbox: Sandbox, repository: Callable[..., Path], tmp_path: Path
) -> None:
    """Ctrl-C while it measures: git knows of no worktree afterwards, and nothing runs on."""
    top = repository()
    running = sandbox.start("check", suite(tmp_path), "--against", "HEAD", "--repo", str(top), "--out", "run")
    sandbox.part(running, "locust")
    assert len(list((top / ".git").glob("worktrees/*"))) == 1
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[0]
    assert running.returncode == 130, said
    assert len(list((top / ".git").glob("worktrees/*"))) == 0


@pytest.mark.slow
@pytest.mark.alone
def test_budgets_and_a_baseline(sandbox: Sandbox, tmp_path: Path) -> None:
    """A baseline is written and passes; of two budgets one is kept."""
    file = suite(tmp_path)
    wrote = sandbox.run("check", file, "--save-baseline", "base.json", patience_s=240)
    if wrote.returncode == 12:
        pytest.skip("this machine made a short run invalid")
    assert wrote.returncode == 0, wrote.stdout + wrote.stderr
    stored = json.loads((sandbox.folder / "base.json").read_text())
    assert not stored["distributions"]
    assert not stored["vitals"]
    budgets = 'budgets = ["token.store_ops <= 0", "token.total_cpu <= 0.5 * anonymous.total_cpu"]'
    done = check(sandbox, suite(tmp_path, budgets=budgets), "--baseline", "base.json", *TOLERANCE)
    result = load(sandbox.folder / "run")
    assert done.returncode == 10, done.stdout + done.stderr
    answers = {(row.kind, row.subject, row.metric): row.answer for row in result.gate}
    assert answers["budget", "token.store_ops <= 0", "store_ops"] == "pass"
    assert answers["budget", "token.total_cpu <= 0.5 * anonymous.total_cpu", "total_cpu"] == "regression"
    if answers["baseline", "token / anonymous", "total_cpu"] != "pass":
        # Two runs on a restless machine may differ by so much that no batch tells: then they say no more.
        [moved] = [
            row for row in result.gate if row.subject == "token / anonymous" and row.metric == "total_cpu"
        ]
        assert (moved.answer, moved.batches) == ("inconclusive", result.run.looks)
        assert moved.ci is not None
        assert moved.ci[0] < 1 < moved.ci[1]
    assert answers["baseline", "token", "request_bytes"] == "pass"
    assert result.comparand is not None
    raw = "not judged" if result.comparand.same_machine else None
    assert answers.get(("baseline", "token", "total_cpu")) == raw


@pytest.mark.slow
def test_what_is_measured_is_the_repository_that_is_named(
    sandbox: Sandbox, repository: Callable[..., Path], tmp_path: Path
) -> None:
    """A fork's servers, and not this tool's own, though the suite names none: in both commands."""
    top = repository()
    slow_down(top / "servers" / "credentials" / "token_scheme.py")
    digest = package_digest(top / "servers")
    assert digest != package_digest(ROOT / "servers")
    file = suite(tmp_path, budgets='budgets = ["token.store_ops <= 0"]')
    # What a busy machine makes invalid is on disk as well.
    wrote = sandbox.run("check", file, "--repo", str(top), "--save-baseline", "base.json", patience_s=240)
    assert wrote.returncode in (0, 12), wrote.stdout + wrote.stderr
    assert f"measuring the servers of {top.resolve()}" in wrote.stdout
    assert "not decided" not in wrote.stdout
    if wrote.returncode == 0:
        assert "batch 3 of 3 follows" in wrote.stdout
    [measured] = sandbox.folder.glob("results/*-baseline")
    assert set(load(measured).environment.digests.values()) == {digest}
    done = sandbox.run("check", file, "--repo", str(top), "--out", "run", patience_s=240)
    assert done.returncode in (0, 12), done.stdout + done.stderr
    assert set(load(sandbox.folder / "run").environment.digests.values()) == {digest}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["quick"], 2, "states no budgets"),
        (["--against", "HEAD", "--baseline", "x.json"], 2, "exclude each other"),
        (["--skip-unchanged"], 2, "requires --against"),
        (["--against", "HEAD"], 2, "not in a git checkout"),
        (["--against", "no-such", "--repo", str(ROOT)], 13, "no such revision"),
        (["--baseline", "none.json"], 13, "no such baseline"),
        (["--baseline", "none.json", "--repo", "."], 2, "not in a git checkout"),
        (["--format", "pdf"], 2, "expected one of"),
        (["no-such-suite", "--against", "HEAD"], 2, "no such suite"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    sandbox: Sandbox, arguments: list[str], code: int, words: str
) -> None:
    """In a sentence, before anything is measured."""
    done = sandbox.ask("check", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stderr
    assert done.stderr.splitlines()[-1] == f"exit code {code}"


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ("token.total_cpu <= 0.8 x cookie.total_cpu", "at column 24"),
        ("token.total_cost <= 1", "expected a metric, one of"),
        ("cookie.total_cpu <= 1", "expected one of the arms token, anonymous"),
    ],
)
def test_a_bad_budget_is_refused(sandbox: Sandbox, tmp_path: Path, budget: str, words: str) -> None:
    """With the file, the place and what was expected."""
    file = suite(tmp_path, budgets=f'budgets = ["{budget}"]')
    done = sandbox.ask("check", file)
    assert done.returncode == 2
    assert words in done.stderr
    assert "tiny.toml" in done.stderr
