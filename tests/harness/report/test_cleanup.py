"""What counts as ours, what goes and what stays, on folders made for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.cli import clean
from harness.doctor.checks import programs
from harness.errors import EnvironmentFailedError, SuiteError
from harness.measure import run_folder
from harness.report import cleanup
from harness.report.cleanup import Kind, Removable
from harness.results import archive
from harness.results.model import Result
from harness.system import files
from tests.harness.observations import Seen, observe

STORED = Path(__file__).parents[1] / "data" / "result.json"
DAY = 86400.0
NONE = Path("/nonexistent")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder with a run, a run that ended early, a comparison, and things that are not ours."""
    folder = tmp_path / "results"
    put(folder / "run", started_at="2026-01-02T00:00:00+00:00")
    (folder / "run" / "cost.png").write_bytes(b"x" * 1000)
    archive.prepare(folder / "early")
    run_folder.save_recording(observe([Seen(0)]), folder / "early", 0)
    (folder / "compared").mkdir()
    (folder / "compared" / "comparison.json").write_text('{"schema_version": 1, "same_machine": true}')
    (folder / "20260101-000000-quick").mkdir()
    put(folder / "published" / "run")
    for name, content in {
        "README.md": "mine",
        "baseline.json": STORED.read_text(),
        "notes/result.json": '{"of": "something else"}',
        "torn/result.json": STORED.read_text()[:-40],
        "other/recording-1-x.jsonl.gz": "no recording",
        "pictures/cost.png": "a picture",
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    (folder / "empty").mkdir()
    return folder


def test_what_a_killed_run_said_of_its_progress_goes_with_it(tmp_path: Path) -> None:
    """It is a file of a run like any other."""
    (put(tmp_path / "run") / "progress.json").write_text("{}")
    [leaving] = cleanup.find(tmp_path, NONE)
    assert leaving.others == ()
    cleanup.remove([leaving], tmp_path)
    assert not (tmp_path / "run").exists()


def test_nobody_is_waited_for(tmp_path: Path) -> None:
    """Named pipes under the names of our files are somebody else's."""
    os.mkfifo(tmp_path / "result.json")
    os.mkfifo(tmp_path / "recording-1-steady.jsonl.gz")
    assert cleanup.find(tmp_path, NONE) == []


def test_what_users_waited_for_is_a_run(tmp_path: Path) -> None:
    """By its own file, with the time when it was begun; another's of that name stays."""
    for name, content in {
        "ours": '{"schema_version": 1, "started_at": "2026-01-02T00:00:00+00:00", "clicks": []}',
        "other": '{"wait": 1}',
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "wait.json").write_text(content)
    [leaving] = cleanup.find(tmp_path, NONE)
    assert (leaving.folder.name, leaving.kind, leaving.others) == ("ours", "run", ())
    assert leaving.begun == datetime(2026, 1, 2, tzinfo=UTC).timestamp()
    cleanup.remove([leaving], tmp_path)
    assert files_in(tmp_path) == {"other", "other/wait.json"}


def put(folder: Path, started_at: str = "2026-01-01T00:00:00+00:00") -> Path:
    """A stored run that was begun at a time."""
    result = Result.model_validate_json(STORED.read_text())
    run = result.run.model_copy(update={"started_at": started_at})
    archive.prepare(folder)
    archive.save(result.model_copy(update={"run": run}), folder)
    return folder


def files_in(folder: Path) -> set[str]:
    """Every file and folder below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def names(leavings: Sequence[Removable]) -> list[str]:
    """The folders' own names."""
    return [leaving.folder.name for leaving in leavings]


def leaving(name: str, begun: float, kind: Kind = "run", changed: float | None = None) -> Removable:
    """One that is only on paper."""
    return Removable(Path(name), kind, (), (), 0, begun, begun if changed is None else changed)


def test_ours_is_known_by_its_content(results: Path) -> None:
    """A result, recordings, a comparison; an empty folder only by the name that `run` gives."""
    found = {item.folder.name: item.kind for item in cleanup.find(results, NONE)}
    assert found == {
        "run": "run",
        "early": "run",
        "compared": "comparison",
        "20260101-000000-quick": "run",
    }


def test_a_history_is_recognised_by_its_file(tmp_path: Path) -> None:
    """Its figures go with it."""
    place = tmp_path / "history"
    place.mkdir()
    (place / "history.json").write_text('{"schema_version": 1, "series": []}')
    (place / "history-total_cpu.png").write_text("a figure")
    [one] = cleanup.find(tmp_path, NONE)
    assert (one.kind, len(one.files), one.others) == ("history", 2, ())


def test_what_is_not_ours_stays(results: Path) -> None:
    """Everything else lies there as before, published runs and the baseline included."""
    before = files_in(results)
    cleanup.remove(cleanup.find(results, NONE), results)
    gone = {path.split("/")[0] for path in before - files_in(results)}
    assert gone == {"run", "early", "compared", "20260101-000000-quick"}
    assert {"README.md", "baseline.json", "published/run/result.json", "pictures/cost.png"} <= files_in(
        results
    )


def test_a_users_file_in_a_run_stays_with_its_folder(results: Path) -> None:
    """It is named beforehand."""
    (results / "run" / "notes.txt").write_text("mine")
    (results / "run" / "my-figure.png").write_text("mine")
    [run] = [item for item in cleanup.find(results, NONE) if item.folder.name == "run"]
    assert run.others == ("my-figure.png", "notes.txt")
    cleanup.remove([run], results)
    assert files_in(results / "run") == {"my-figure.png", "notes.txt"}


def test_a_run_in_the_folder_of_results_itself_leaves_the_folder(tmp_path: Path) -> None:
    """As `--out results` makes it."""
    put(tmp_path / "results")
    cleanup.remove(cleanup.find(tmp_path / "results", NONE), tmp_path / "results")
    assert files_in(tmp_path) == {"results"}


def test_a_run_in_a_run_goes_with_it(tmp_path: Path) -> None:
    """Inner folders first, so that outer ones are empty."""
    put(tmp_path / "outer")
    put(tmp_path / "outer" / "inner")
    cleanup.remove(cleanup.find(tmp_path, NONE), tmp_path)
    assert files_in(tmp_path) == set()


def test_a_link_is_not_followed(results: Path, tmp_path: Path) -> None:
    """What it points to is somebody else's."""
    target = put(tmp_path / "far" / "run")
    (results / "link").symlink_to(target)
    cleanup.remove(cleanup.find(results, NONE), results)
    assert (target / "result.json").exists()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not there")
def test_what_git_tracks_stays(tmp_path: Path) -> None:
    """Such as a stored result among tests, with `--results .`."""
    put(tmp_path / "kept")
    put(tmp_path / "loose")
    for arguments in (["init", "-q"], ["add", "kept"]):
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True)  # noqa: S607 - any git will do
    assert names(cleanup.find(tmp_path, NONE)) == ["loose"]


def test_the_size_is_that_of_what_goes(results: Path) -> None:
    """A user's file is not counted."""
    (results / "run" / "notes.txt").write_bytes(b"y" * 5000)
    [run] = [item for item in cleanup.find(results, NONE) if item.folder.name == "run"]
    assert run.size == (results / "run" / "result.json").stat().st_size + 1000


def test_every_entry_of_the_cache_is_ours(tmp_path: Path) -> None:
    """It goes as a whole; a link in the cache is left."""
    (tmp_path / "abc" / "bin").mkdir(parents=True)
    (tmp_path / "abc" / "bin" / "python").write_bytes(b"z" * 300)
    (tmp_path / "link").symlink_to(tmp_path.parent)
    [one] = cleanup.find(NONE, tmp_path)
    assert (one.folder, one.kind, one.size) == (tmp_path / "abc", "cached environment", 300)
    cleanup.remove([one], NONE)
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


def test_runs_are_found_oldest_first(tmp_path: Path) -> None:
    """By when they began, not by when their folder was copied."""
    for day in (3, 1, 2):
        put(tmp_path / f"run-{day}", f"2026-01-0{day}T00:00:00+00:00")
    assert names(cleanup.find(tmp_path, NONE)) == ["run-1", "run-2", "run-3"]


@pytest.mark.parametrize(
    ("days", "keep", "going"),
    [
        (0, 0, ["old", "middle", "compared", "cached", "new"]),
        (2, 0, ["old", "middle"]),
        (0, 1, ["old", "middle", "compared", "cached"]),
        (0, 2, ["old", "compared", "cached"]),
        (2, 2, ["old"]),
        (0, 9, ["compared", "cached"]),
        (9, 0, []),
    ],
)
def test_age_and_number_choose(days: float, keep: int, going: list[str]) -> None:
    """Both must allow it; the number counts runs alone."""
    now = 100 * DAY
    there = [
        leaving("old", now - 8 * DAY),
        leaving("middle", now - 3 * DAY),
        leaving("compared", now - 1.5 * DAY, "comparison"),
        leaving("cached", now - 1.2 * DAY, "cached environment"),
        leaving("new", now - DAY),
    ]
    chosen = cleanup.choose(there, now=now, older_than_days=days, keep=keep, busy_since=None)
    assert names(chosen) == going


def test_what_a_run_under_way_may_use_stays() -> None:
    """Whatever was written since it began, whenever that was begun, and every cached environment."""
    there = [
        leaving("before", 10.0),
        leaving("its own", 10.0, changed=60.0),
        leaving("cached", 10.0, "cached environment"),
    ]
    chosen = cleanup.choose(there, now=99.0, older_than_days=0, keep=0, busy_since=50.0)
    assert names(chosen) == ["before"]


def test_what_cannot_be_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With exit code 3 rather than a crash."""
    put(tmp_path / "run")

    def refuse(path: Path, missing_ok: bool = False) -> None:  # noqa: ARG001 - as Path.unlink takes them
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(EnvironmentFailedError, match=r"result\.json cannot be removed: Permission denied"):
        cleanup.remove(cleanup.find(tmp_path, NONE), tmp_path)


@pytest.mark.parametrize(
    ("given", "platform", "expected"),
    [
        ("/somewhere", "linux", "/somewhere/cookies-vs-tokens"),
        ("relative", "linux", "/home/me/.cache/cookies-vs-tokens"),
        (None, "linux", "/home/me/.cache/cookies-vs-tokens"),
        (None, "darwin", "/home/me/Library/Caches/cookies-vs-tokens"),
        ("/somewhere", "darwin", "/somewhere/cookies-vs-tokens"),
    ],
)
def test_the_cache_has_one_place(
    given: str | None, platform: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the XDG specification has it, relative paths ignored; macOS has a place of its own."""
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setattr("sys.platform", platform)
    if given is None:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", given)
    assert files.folder() == Path(expected)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No run is under way, whatever else this machine does, and nothing is cached."""
    monkeypatch.setattr(programs, "busy_since", lambda: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def sweep(results: Path, *, dry_run: bool = False, yes: bool = False) -> None:
    """The command with its defaults."""
    clean.command(results, dry_run=dry_run, yes=yes)


@pytest.mark.usefixtures("quiet")
def test_a_dry_run_removes_nothing(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It tells each folder, its kind, and the sum."""
    before = files_in(results)
    sweep(results, dry_run=True, yes=True)
    assert files_in(results) == before
    said = capsys.readouterr().out
    assert f"{results / 'compared'}  comparison, 0" in said
    assert "4 in total" in said


@pytest.mark.usefixtures("quiet")
def test_without_a_terminal_it_wants_to_be_told(results: Path) -> None:
    """A script that forgot --yes loses nothing, and hears of it by exit code 2."""
    before = files_in(results)
    with pytest.raises(SuiteError, match="--yes"):
        sweep(results)
    assert files_in(results) == before
    sweep(results, yes=True)
    assert not (results / "run").exists()


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(("answer", "gone"), [("y", True), ("yes", True), ("", False), ("n", False)])
def test_on_a_terminal_it_asks(
    answer: str, gone: bool, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anything but yes is no."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _prompt: answer)
    sweep(results)
    assert (results / "run").exists() is not gone


@pytest.mark.usefixtures("quiet")
def test_nothing_to_remove_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where there is no folder of results at all."""
    sweep(tmp_path / "none")
    assert "nothing to remove" in capsys.readouterr().out


def test_only_runs_count_as_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers by hand write no results; a process that has ended meanwhile is no error."""
    me = os.getpid()
    monkeypatch.setattr(programs, "ours", lambda: [(me, "servers"), (2**22 + 1, "bench.py run")])
    assert programs.busy_since() is None
    monkeypatch.setattr(programs, "ours", lambda: [(me, "bench.py run")])
    since = programs.busy_since()
    assert since is not None
    assert since <= time.time()


def test_a_result_of_another_version_is_a_run_too(tmp_path: Path) -> None:
    """It cannot be read any more, but it was ours."""
    folder = put(tmp_path / "run")
    fields = json.loads((folder / "result.json").read_text()) | {"schema_version": 99, "new": 1}
    (folder / "result.json").write_text(json.dumps(fields))
    assert names(cleanup.find(tmp_path, NONE)) == ["run"]
