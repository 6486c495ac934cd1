"""The two trees of a gate, from real repositories; and the interpreters that a lock file asks for."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from harness.errors import EnvironmentFailedError, NoBaselineError, SuiteError
from harness.suites.model import Servers
from harness.system import git
from harness.system.source_tree import OURS
from harness.testbed.revisions import environments, worktrees

SERVERS = Servers()


def call(top: Path, *arguments: str) -> str:
    """Git, as somebody who commits."""
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", "-C", str(top), *identity, *arguments],  # noqa: S607 - any git will do
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A repository with servers, a lock file, and two commits."""
    top = tmp_path.resolve() / "repository"
    package = top / "servers" / "inner"
    package.mkdir(parents=True)
    (package / "code.py").write_text("x = 1\n")
    (top / "servers" / "__main__.py").write_text("")
    (top / "requirements.lock").write_text("packaging==1.0\n")
    call(tmp_path, "init", "--quiet", "--initial-branch=main", str(top))
    call(top, "add", ".")
    call(top, "commit", "--quiet", "-m", "First `one`")
    (top / "README.md").write_text("Hello\n")
    call(top, "add", ".")
    call(top, "commit", "--quiet", "-m", "Say hello")
    return top


def test_the_top_is_found_from_any_folder(top: Path, tmp_path: Path) -> None:
    """And a folder that is in no checkout is refused in a sentence."""
    assert worktrees.top_of(top / "servers" / "inner") == top
    with pytest.raises(SuiteError, match="not in a git checkout"):
        worktrees.top_of(tmp_path)


def test_a_hook_does_not_mislead(top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git sets these where it runs hooks, such as one that checks before a push."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert worktrees.top_of(top) == top


def test_a_revision_has_a_name_and_a_title(top: Path) -> None:
    """By any name that git knows."""
    found = worktrees.resolve(top, "HEAD~1")
    assert found.sha == call(top, "rev-parse", "HEAD~1")
    assert found.title == "First `one`"
    assert found.short == found.sha[:10]
    assert worktrees.resolve(top, "main").title == "Say hello"


@pytest.mark.parametrize("name", ["nobody", "HEAD~9", "--all", "-h", "HEAD:README.md", ""])
def test_what_is_no_revision_is_no_baseline(top: Path, name: str) -> None:
    """Options among them: they are never taken as such."""
    with pytest.raises(NoBaselineError, match="no such revision"):
        worktrees.resolve(top, name)


def test_a_shallow_clone_is_told_to_fetch(top: Path, tmp_path: Path) -> None:
    """What pipelines check out, most of the time."""
    call(tmp_path, "clone", "--quiet", "--depth=1", f"file://{top}", "shallow")
    with pytest.raises(NoBaselineError, match="fetch-depth: 0"):
        worktrees.resolve(tmp_path / "shallow", "HEAD~1")


def test_a_worktree_is_there_as_long_as_it_is_needed(top: Path) -> None:
    """Detached, clean, without running hooks; afterwards git knows of none."""
    hook = top / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {top}/hooked\n")
    hook.chmod(0o755)
    first = worktrees.resolve(top, "HEAD~1")
    with worktrees.worktree(top, first) as place:
        assert call(place, "rev-parse", "HEAD") == first.sha
        assert not (place / "README.md").exists()
        assert (place / "servers" / "inner" / "code.py").exists()
    assert not place.parent.exists()
    assert len(call(top, "worktree", "list").splitlines()) == 1
    assert not (top / "hooked").exists()
    with pytest.raises(ZeroDivisionError), worktrees.worktree(top, first):
        raise ZeroDivisionError
    assert len(call(top, "worktree", "list").splitlines()) == 1


def test_a_worktree_of_a_killed_run_is_forgotten(top: Path, tmp_path: Path) -> None:
    """Ours, once its folder is gone; never anybody else's, though that may be away for a while."""
    first = worktrees.resolve(top, "HEAD~1")
    ours, others = tmp_path / "cookies-vs-tokens-abc" / "tree", tmp_path / "on-a-disk-of-mine"
    for place in (ours, others):
        call(top, "worktree", "add", "--detach", str(place), first.sha)
        shutil.rmtree(place)
    with worktrees.worktree(top, first):
        told = call(top, "worktree", "list", "--porcelain")
        assert str(ours) not in told
        assert str(others) in told


def test_the_working_tree_is_never_touched(top: Path) -> None:
    """Neither its files nor its index nor its branch."""
    (top / "README.md").write_text("changed\n")
    before = call(top, "status", "--porcelain=v2", "--branch")
    with worktrees.worktree(top, worktrees.resolve(top, "HEAD~1")):
        pass
    assert call(top, "status", "--porcelain=v2", "--branch") == before


def test_changed_servers_are_named(top: Path) -> None:
    """Committed, not committed, and not even added; nothing but Python files of the servers' package."""
    first = worktrees.resolve(top, "HEAD~1")
    assert worktrees.changed(top, first, SERVERS) == []
    (top / "servers" / "notes.md").write_text("no code\n")
    assert worktrees.changed(top, first, SERVERS) == []
    (top / "servers" / "inner" / "code.py").write_text("x = 2\n")
    (top / "servers" / "new.py").write_text("y = 2\n")
    assert worktrees.changed(top, first, SERVERS) == ["servers/inner/code.py", "servers/new.py"]
    call(top, "add", ".")
    call(top, "commit", "--quiet", "-m", "Second")
    assert worktrees.changed(top, first, SERVERS) == ["servers/inner/code.py", "servers/new.py"]


def test_a_files_mode_is_no_change(top: Path) -> None:
    """Committed or not: the digest of the code does not know it either."""
    first = worktrees.resolve(top, "HEAD")
    (top / "servers" / "inner" / "code.py").chmod(0o755)
    assert worktrees.changed(top, first, SERVERS) == []
    call(top, "add", ".")
    call(top, "commit", "--quiet", "-m", "Mode")
    assert worktrees.resolve(top, "HEAD") != first
    assert worktrees.changed(top, first, SERVERS) == []


def test_what_servers_may_read_is_touched(top: Path) -> None:
    """Any file of their package; of a folder of their own any file at all; never README at the top."""
    first = worktrees.resolve(top, "HEAD")
    (top / "README.md").write_text("changed\n")
    assert worktrees.touched(top, first, SERVERS) == []
    (top / "servers" / "words.json").write_text("{}")
    assert worktrees.touched(top, first, SERVERS) == ["servers/words.json"]
    (top / "backend" / "common").mkdir(parents=True)
    (top / "backend" / "common" / "slow.py").write_text("x = 1\n")
    inside = Servers(command="python -m api", folder="backend")
    assert worktrees.touched(top, first, inside) == ["backend/common/slow.py"]


def test_a_side_is_what_the_suite_says(top: Path) -> None:
    """Package, folder and lock file, from the top of the checkout."""
    (top / "backend" / "api" / "auth").mkdir(parents=True)
    (top / "backend" / "pins.txt").write_text("packaging==2.0\n")
    servers = Servers(command="python -m api.auth", folder="backend", lock="backend/pins.txt")
    side = worktrees.side("the working tree", top, servers)
    assert side.tree.root == top / "backend"
    assert side.tree.package == top / "backend" / "api" / "auth"
    assert side.lock == "packaging==2.0\n"
    assert worktrees.side("it", top, Servers(lock="")).lock == ""


@pytest.mark.parametrize(
    ("servers", "error", "words"),
    [
        (Servers(command="python -m nothing"), NoBaselineError, "no servers at nothing"),
        (Servers(lock="none.lock"), SuiteError, "has no none.lock"),
        (Servers(folder="../.."), SuiteError, "expected a folder of the repository"),
        (Servers(lock="../../../etc/passwd"), SuiteError, "expected a folder of the repository"),
    ],
)
def test_what_is_not_there_is_named(top: Path, servers: Servers, error: type[Exception], words: str) -> None:
    """And nothing outside the repository is read."""
    with pytest.raises(error, match=words):
        worktrees.side("the working tree", top, servers)


@pytest.mark.parametrize("command", ["node server.js", "python server.py", "python -m a;b", "python -m a -x"])
def test_only_python_modules_are_started(command: str) -> None:
    """Others are refused by the suite."""
    with pytest.raises(ValueError, match="pattern"):
        Servers(command=command)


def test_without_servers_of_its_own_a_suite_means_ours(top: Path) -> None:
    """No checkout is needed for that."""
    assert worktrees.working_tree(None, Path("/"), print) is OURS
    tree = worktrees.working_tree(Servers(lock=""), top, print)
    assert (tree.root, tree.python) == (top, sys.executable)


def test_a_gate_measures_the_checkout_that_it_is_asked_about(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named or current, with or without [servers] in the suite; this tool's own only where there is none."""
    (top / "requirements.lock").write_text("")
    said: list[str] = []
    for servers in (None, SERVERS):
        assert worktrees.gated_tree(servers, top / "servers" / "inner", said.append).root == top
    monkeypatch.chdir(top)
    assert worktrees.gated_tree(None, None, said.append).root == top
    assert said == [f"measuring the servers of {top}"] * 3
    monkeypatch.chdir(tmp_path)
    assert worktrees.gated_tree(None, None, said.append) is OURS
    assert said[-1] == f"measuring this tool's own servers, since {tmp_path} is not in a git checkout"
    with pytest.raises(SuiteError, match="not in a git checkout"):
        worktrees.gated_tree(None, tmp_path, said.append)


def test_a_checkout_without_servers_is_no_excuse_to_measure_ours(top: Path) -> None:
    """It is refused, with the key of the suite that helps."""
    shutil.rmtree(top / "servers")
    with pytest.raises(NoBaselineError, match=r"no servers at servers: see \[servers\]"):
        worktrees.gated_tree(None, top, print)


def test_a_checkout_that_git_does_not_read_is_no_excuse_either(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one of another owner in a pipeline's container: refused, and who is to be asked why."""
    (top / ".git" / "HEAD").write_text("broken\n")
    monkeypatch.chdir(top / "servers")
    with pytest.raises(SuiteError, match=r"git cannot read the checkout .* git -C .* status"):
        worktrees.gated_tree(None, None, print)


def test_git_that_fails_says_why(tmp_path: Path) -> None:
    """In its own words."""
    with pytest.raises(EnvironmentFailedError, match=r"git status failed: fatal: not a git repository"):
        git.run(tmp_path, "status")
    assert git.output_or_none(tmp_path, "status") is None


LOCK = """\
# made by hand
packaging=={version} \\
    --hash=sha256:0123
colorama==0.0.1 ; sys_platform == 'win32' \\
    --hash=sha256:4567
"""


def test_a_lock_is_satisfied_by_versions_that_are_here() -> None:
    """Markers and hashes are read as pip does."""
    here = LOCK.format(version=metadata.version("packaging"))
    assert environments.is_satisfied(here, "it")
    assert not environments.is_satisfied(LOCK.format(version="0.1"), "it")
    assert not environments.is_satisfied("no-such-package-at-all==1.0\n", "it")
    assert [pin.name for pin in environments.pins(here, "it")] == ["packaging", "colorama"]
    with pytest.raises(SuiteError, match="not a lock file"):
        environments.pins("a b c\n", "it")


def test_our_own_lock_is_satisfied_by_this_interpreter() -> None:
    """It was made from it: a gate on this project needs no other environment."""
    assert environments.is_satisfied((OURS.root / "requirements.lock").read_text(), "ours")


@pytest.mark.slow
def test_an_environment_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Isolated from this one, whole or not at all, and found again by its lock."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    said: list[str] = []
    python = environments.cached("# nothing\n", "it", said.append)
    told = subprocess.run(
        [python, "-I", "-c", "import sys; print(sys.prefix); import aiohttp"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert Path(told.stdout.strip()).is_relative_to(tmp_path)
    assert "No module named 'aiohttp'" in told.stderr
    assert environments.cached("# nothing\n", "it", said.append) == python
    assert len(said) == 1
    with pytest.raises(EnvironmentFailedError, match="could not be created"):
        environments.cached("packaging==1.0\n", "it", said.append)  # has no hash
    assert len(list((tmp_path / "cookies-vs-tokens").iterdir())) == 1


@pytest.mark.slow
def test_an_interpreter_says_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This one what its own metadata say; one of an empty lock file nothing that this one has to have."""
    own = environments.contents(sys.executable)
    assert own["packages"]["packaging"] == metadata.version("packaging")
    assert own["packages"]["argon2-cffi"] == metadata.version("argon2-cffi")
    assert environments.name(sys.executable) == environments.OWN
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    python = environments.cached("# nothing\n", "it", print)
    assert environments.contents(python)["python"] == own["python"]
    assert "aiohttp" not in environments.contents(python)["packages"]
    assert environments.name(python) == next((tmp_path / "cookies-vs-tokens").iterdir()).name
    with pytest.raises(EnvironmentFailedError, match="does not list its packages"):
        environments.contents("/bin/false")


def test_a_result_says_where_a_side_came_from(top: Path) -> None:
    """Commit, changes, the lock file's digest, and the interpreter that serves."""
    clean = worktrees.provenance(worktrees.side("it", top, SERVERS), "base")
    assert clean.commit == call(top, "rev-parse", "HEAD")
    assert clean.lock == hashlib.sha256(b"packaging==1.0\n").hexdigest()
    assert (clean.dirty, clean.environment) == (False, environments.OWN)
    assert clean.packages == environments.contents(sys.executable)["packages"]
    (top / "notes.md").write_text("not committed\n")
    changed = worktrees.provenance(worktrees.side("it", top, Servers(lock="")), "head")
    assert (changed.end, changed.dirty, changed.lock) == ("head", True, "")


def test_both_sides_get_their_interpreter_in_the_same_way(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This one for both, or one from the cache for each: how it was made is no difference between them."""
    monkeypatch.setattr(environments, "cached", lambda lock, *_: f"/cache/{len(lock)}")
    here = f"packaging=={metadata.version('packaging')}\n"
    (top / "requirements.lock").write_text(here)
    one = worktrees.side("one", top, SERVERS)
    both = worktrees.with_interpreters([one, one], print)
    assert [side.tree.python for side in both] == [sys.executable] * 2
    (top / "requirements.lock").write_text("packaging==0.1\n")
    other = worktrees.side("other", top, SERVERS)
    both = worktrees.with_interpreters([one, other], print)
    assert [side.tree.python for side in both] == [f"/cache/{len(here)}", f"/cache/{len(other.lock)}"]
