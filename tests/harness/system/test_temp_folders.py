"""What dead runs left is removed; what lives, or is not ours, never."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.errors import EnvironmentFailedError
from harness.measure import run_folder
from harness.system import files, locks, temp_folders

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files that nobody else uses."""
    folder = tmp_path_factory.mktemp("t")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def die(program: str, *arguments: Path) -> None:
    """Run a program that ends without any clean-up."""
    killed = "\nimport os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    words = [sys.executable, "-c", program + killed, *map(str, arguments)]
    assert subprocess.run(words, cwd=ROOT, check=False).returncode == -9


def test_the_folder_of_a_dead_owner_is_removed(tmp_path: Path, temporary: Path) -> None:
    """With all that is in it, and named with its owner."""
    die(
        "import sys, tempfile; tempfile.tempdir = sys.argv[1]\n"
        "from harness.system import temp_folders\n"
        "place = temp_folders.temp_folder(); (place.__enter__() / 'log').write_text('x')",
        temporary,
    )
    (folder,) = temporary.iterdir()
    (told,) = run_folder.remove(tmp_path)
    assert told.startswith(f"{folder} (pid ")
    assert list(temporary.iterdir()) == []


def test_a_study_removes_what_dead_runs_left(tmp_path: Path, temporary: Path) -> None:
    """As soon as it has the machine, and says so."""
    die(
        "import sys, tempfile; tempfile.tempdir = sys.argv[1]\n"
        "from harness.system import temp_folders\n"
        "place = temp_folders.temp_folder(); place.__enter__()",
        temporary,
    )
    (folder,) = temporary.iterdir()
    told: list[str] = []
    with run_folder.machine_lock(tmp_path / "study", wait=False, log=told.append):
        assert not folder.exists()
    assert len(told) == 1
    assert told[0].startswith(f"removed files left by killed runs: {folder} (pid ")


def test_a_folder_too_deep_for_sockets_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system would say `AF_UNIX path too long` of a file that nobody named; one byte less does."""
    for length in (temp_folders._LONGEST_PLACE, temp_folders._LONGEST_PLACE + 1):
        place = Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))
        deep = place / ("d" * (length - len(str(place)) - 1))
        deep.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(deep))
        try:
            if length > temp_folders._LONGEST_PLACE:
                with (
                    pytest.raises(EnvironmentFailedError, match=r"too long a path .* or fewer with TMPDIR"),
                    temp_folders.temp_folder(),
                ):
                    pass
            else:
                with temp_folders.temp_folder() as folder, socket.socket(socket.AF_UNIX) as one:
                    one.bind(str(folder / "control.sock"))
            assert list(deep.iterdir()) == []
        finally:
            shutil.rmtree(place)


def test_the_folder_of_a_living_owner_stays(tmp_path: Path) -> None:
    """This process lives."""
    with temp_folders.temp_folder() as folder:
        assert (folder / temp_folders.OWNER).exists()
        assert run_folder.remove(tmp_path) == []
        assert folder.exists()
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its place is gone: the message says which, and nothing crashes."""
    monkeypatch.setattr(tempfile, "tempdir", "/gone")  # short: a long path is refused before
    with (
        pytest.raises(EnvironmentFailedError, match=r"gone/cookies-vs-tokens-.* could not be written"),
        temp_folders.temp_folder(),
    ):
        pass


def test_folders_that_are_not_known_to_be_left_over_stay(tmp_path: Path, temporary: Path) -> None:
    """Without an owner, with one that is just being made, with another name, or a link."""
    names = ("cookies-vs-tokens-none", "cookies-vs-tokens-new", "something-else")
    for name in names:
        (temporary / name).mkdir()
    (temporary / names[1] / temp_folders.OWNER).touch()
    (temporary / names[2] / temp_folders.OWNER).write_text("pid 1")
    (temporary / "cookies-vs-tokens-link").symlink_to(temporary / names[2])
    assert run_folder.remove(tmp_path) == []
    assert len(list(temporary.iterdir())) == 4


def test_half_a_file_of_a_dead_writer_is_removed(tmp_path: Path) -> None:
    """In the runs of this folder of results; whole files and other people's stay."""
    run = tmp_path / "results" / "run"
    run.mkdir(parents=True)
    part = files.part_of(run / "result.json")
    die(
        "import sys\nfrom harness.system import locks\n"
        "file = open(sys.argv[1], 'wb'); locks.mark(file); file.write(b'{'); file.flush()",
        part,
    )
    (run / "result.json").write_text("{}")
    (run / ".result.json.part").write_text("somebody else's")
    assert run_folder.remove(tmp_path / "results") == [str(part)]
    assert sorted(path.name for path in run.iterdir()) == [".result.json.part", "result.json"]


def test_half_a_file_of_a_living_writer_stays(tmp_path: Path) -> None:
    """It is being written."""
    (tmp_path / "run").mkdir()
    part = files.part_of(tmp_path / "run" / "result.json")
    with part.open("wb") as file:
        locks.mark(file)
        file.write(b"{")
        file.flush()
        assert run_folder.remove(tmp_path) == []
    assert part.exists()


def test_a_lock_is_taken_once_and_leaves_no_file(tmp_path: Path) -> None:
    """The second comer reads who has it; after its release anybody may have it."""
    path = tmp_path / "lock"
    first = locks.try_lock(path, "first")
    assert first is not None
    assert locks.try_lock(path, "second") is None
    assert locks.note(path) == "first"
    first.release()
    assert not path.exists()
    again = locks.try_lock(path, "again")
    assert again is not None
    again.release()


def test_a_lock_of_a_dead_holder_is_free(tmp_path: Path) -> None:
    """The kernel has released it, and its file is used again: no lock is ever stale."""
    path = tmp_path / "lock"
    die(
        "import sys, pathlib\nfrom harness.system import locks\n"
        "l = locks.try_lock(pathlib.Path(sys.argv[1]), 'x' * 99)",
        path,
    )
    assert path.exists()
    lock = locks.try_lock(path, "next")
    assert lock is not None
    assert locks.note(path) == "next"
    lock.release()


def test_a_lock_is_open_to_other_users_and_follows_no_link(tmp_path: Path) -> None:
    """Users share the CPUs of a machine and its /tmp, where a link may be a trap."""
    path = tmp_path / "lock"
    lock = locks.try_lock(path, "x")
    assert lock is not None
    assert path.stat().st_mode & 0o777 == 0o666
    lock.release()
    (tmp_path / "victim").write_text("kept")
    path.symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"):
        locks.try_lock(path, "x")
    assert (tmp_path / "victim").read_text() == "kept"
