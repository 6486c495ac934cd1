"""Results on disk: whole or not at all, refused where one lies, read back, listed."""

from __future__ import annotations

import gzip
import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import EnvironmentFailedError, SuiteError
from harness.measure import run_folder
from harness.protocol.plan import Plan
from harness.protocol.recording import Recording
from harness.results import archive
from harness.results.model import Result
from tests.harness.observations import Seen, observe

STORED = Path(__file__).parents[1] / "data" / "result.json"


@pytest.fixture
def result() -> Result:
    """The stored example."""
    return Result.model_validate_json(STORED.read_bytes())


@contextmanager
def full_disk(limit: int = 1000) -> Iterator[None]:
    """No file may grow beyond `limit` bytes: writing fails as it does on a full disk, half way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def begun(result: Result, started_at: str) -> Result:
    """The same result of another time."""
    return result.model_copy(update={"run": result.run.model_copy(update={"started_at": started_at})})


def names(folder: Path) -> list[str]:
    """What lies in a folder, hidden files included."""
    return sorted(path.name for path in folder.iterdir())


def test_what_is_saved_is_what_is_read(result: Result, tmp_path: Path) -> None:
    """By its folder and by its file; nothing else is left in the folder."""
    path = archive.save(result, tmp_path)
    assert path == tmp_path / "result.json"
    assert archive.load(path) == result
    assert archive.load(tmp_path) == result
    assert names(tmp_path) == ["result.json"]


def test_the_same_result_gives_the_same_bytes(result: Result, tmp_path: Path) -> None:
    """So that a result kept in Git changes only where it changed."""
    first = archive.save(result, tmp_path).read_bytes()
    assert archive.save(archive.load(tmp_path), tmp_path).read_bytes() == first
    assert first.endswith(b"}\n")


def test_saving_replaces(result: Result, tmp_path: Path) -> None:
    """A later state of the same run takes the place of the earlier."""
    archive.save(result, tmp_path)
    later = begun(result, "2031-01-01T00:00:00+00:00")
    archive.save(later, tmp_path)
    assert archive.load(tmp_path) == later
    assert names(tmp_path) == ["result.json"]


def test_a_failing_write_leaves_the_old_file(result: Result, tmp_path: Path) -> None:
    """The disk fills up half way: the error says where, the old result stays whole, no part is left."""
    before = archive.save(result, tmp_path).read_bytes()
    with (
        full_disk(),
        pytest.raises(EnvironmentFailedError, match=r"result\.json could not be written") as failed,
    ):
        archive.save(begun(result, "2031-01-01T00:00:00+00:00"), tmp_path)
    assert failed.value.exit_code == 3
    assert (tmp_path / "result.json").read_bytes() == before
    assert names(tmp_path) == ["result.json"]


def test_a_failing_first_write_leaves_nothing(result: Result, tmp_path: Path) -> None:
    """No half of a result that a reader could find."""
    with full_disk(), pytest.raises(EnvironmentFailedError):
        archive.save(result, tmp_path)
    assert names(tmp_path) == []


def test_a_folder_that_is_gone(result: Result, tmp_path: Path) -> None:
    """It was there when the run began."""
    with pytest.raises(EnvironmentFailedError, match="No such file or directory"):
        archive.save(result, tmp_path / "gone")


def test_prepare_makes_the_folder(tmp_path: Path) -> None:
    """With its parents, and empty; a second time does no harm."""
    folder = tmp_path / "a" / "b"
    archive.prepare(folder)
    archive.prepare(folder)
    assert names(folder) == []


def test_prepare_refuses_a_folder_with_a_result(result: Result, tmp_path: Path) -> None:
    """A run never overwrites another; what lies there is untouched."""
    before = archive.save(result, tmp_path).read_bytes()
    with pytest.raises(SuiteError, match="already holds a result") as refused:
        archive.prepare(tmp_path)
    assert refused.value.exit_code == 2
    assert (tmp_path / "result.json").read_bytes() == before


def test_prepare_refuses_what_cannot_be_a_folder(tmp_path: Path) -> None:
    """A file is in the way, itself or above."""
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(EnvironmentFailedError, match="cannot be written"):
            archive.prepare(folder)


def test_no_result_there(tmp_path: Path) -> None:
    """The folder without one, and the path that is nothing."""
    for path in (tmp_path, tmp_path / "none", tmp_path / "none.json"):
        with pytest.raises(SuiteError, match="no result there"):
            archive.load(path)


def test_nobody_is_waited_for(result: Result, tmp_path: Path) -> None:
    """A named pipe in the place of a result is refused at once; a link is followed."""
    for name in ("good", "pipe", "link"):
        (tmp_path / name).mkdir()
    archive.save(result, tmp_path / "good")
    os.mkfifo(tmp_path / "pipe" / "result.json")
    for path in (tmp_path / "pipe", tmp_path / "pipe" / "result.json"):
        with pytest.raises(SuiteError, match=r"result\.json: no result there \(not a regular file\)"):
            archive.load(path)
    (tmp_path / "link" / "result.json").symlink_to(tmp_path / "good" / "result.json")
    assert archive.load(tmp_path / "link") == result
    assert {folder.name for folder, _ in archive.runs(tmp_path)} == {"good", "link"}


@pytest.mark.parametrize("version", [0, 2, None, "1"])
def test_another_version_is_refused(result: Result, tmp_path: Path, version: object) -> None:
    """It names the version it has and the one that is read."""
    fields = json.loads(result.model_dump_json()) | {"schema_version": version}
    (tmp_path / "result.json").write_text(json.dumps(fields))
    with pytest.raises(SuiteError, match=f"schema version {version}; this tool reads 1"):
        archive.load(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b"3",
        b'{"schema_version": 1}',
        b"\x89PNG\r\n\xff\xfe\x00",
        STORED.read_bytes()[:-40],
    ],
    ids=["empty", "text", "list", "number", "no fields", "binary", "torn"],
)
def test_other_files_are_no_results(tmp_path: Path, content: bytes) -> None:
    """Whatever lies there is refused by a sentence that names the file, never a crash."""
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(SuiteError, match=r"result\.json: not a result file: .") as refused:
        archive.load(path)
    assert "\n" not in str(refused.value)


def test_runs_are_listed_oldest_first(result: Result, tmp_path: Path) -> None:
    """By the time they started, whatever their folders are called and however deep they lie."""
    folders = ["e", "b/deep", "h", "c", "a", "g", "d", "f"]
    for folder in sorted(folders):
        archive.prepare(tmp_path / folder)
        month = folders.index(folder) + 1
        archive.save(begun(result, f"2026-{month:02}-01T00:00:00+00:00"), tmp_path / folder)
    found = list(archive.runs(tmp_path))
    assert [folder.relative_to(tmp_path).as_posix() for folder, _ in found] == folders
    assert found[0][1] == begun(result, "2026-01-01T00:00:00+00:00").run.model_dump()


def test_what_is_no_result_is_not_listed(result: Result, tmp_path: Path) -> None:
    """One broken file does not hide the others."""
    for folder, content in {
        "text": b"not json",
        "list": b"[]",
        "other": b'{"run": "quick"}',
        "none": b"{}",
        "binary": b"\xff\xfe\x00",
        "short": b'{"run": {}}',
    }.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "result.json").write_bytes(content)
    archive.prepare(tmp_path / "good")
    archive.save(result, tmp_path / "good")
    assert [folder.name for folder, _ in archive.runs(tmp_path)] == ["good"]


def test_no_runs(tmp_path: Path) -> None:
    """An empty folder and none at all have no runs."""
    assert list(archive.runs(tmp_path)) == []
    assert list(archive.runs(tmp_path / "none")) == []


def test_the_exit_code_is_entered(result: Result, tmp_path: Path) -> None:
    """A run that ended early names its code; the rest of the result stays."""
    archive.save(result, tmp_path)
    archive.set_exit_code(tmp_path, 130)
    ended = archive.load(tmp_path)
    assert ended.run.exit_code == 130
    assert ended.run == result.run.model_copy(update={"exit_code": 130})
    assert ended.measurements == result.measurements


def test_without_a_result_there_is_no_exit_code(tmp_path: Path) -> None:
    """A run that finished no scenario leaves no result behind."""
    archive.set_exit_code(tmp_path, 130)
    assert names(tmp_path) == []


def test_recordings_lie_beside_the_result(tmp_path: Path) -> None:
    """Numbered in the order they ran; plan, accounts and histograms can all be read again."""
    observed = observe([Seen(0), Seen(2, store_ops=10)], errors={"read: 500": 1})
    path = run_folder.save_recording(observed, tmp_path, 1)
    assert path.name == "recording-2-saturation.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines(keepends=True)
    assert Plan.loads(json.dumps(json.loads(lines[0])["plan"])) == observed.plan
    assert [json.loads(line)["account"]["store_ops"] for line in lines[1:3]] == [0, 10]
    assert Recording.read(lines[3:]) == observed.recording
    assert run_folder.save_recording(observed, tmp_path, 1).read_bytes() == path.read_bytes()
