"""The file by which a run tells onlookers how far it is: when it is written, by whom it is believed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import psutil
import pytest
from rich.console import Console

from harness.errors import EnvironmentFailedError
from harness.load.barrier import SlotBarrier
from harness.load.local import LoadProcess
from harness.load.usage import UsageRecorder
from harness.measure import run_folder
from harness.measure.progress import Reporter
from harness.results import progress_file
from harness.results.progress_file import PROGRESS_FILE, Progress, ProgressFile
from harness.system import files, locks
from harness.testbed.rig import Rig
from harness.testbed.sampler import ProcessSampler

ROOT = Path(__file__).resolve().parents[3]


class Written(ProgressFile):
    """Notes what is written, and writes nothing."""

    def __init__(self) -> None:
        super().__init__(Path("run"), "smoke", ["token", "cookie"])
        self.news: list[tuple[str, str | None, int]] = []

    def write(self, doing: str, scenario: str | None = None, *, done: int = 0, **_: object) -> None:
        """Only note it."""
        self.news.append((doing, scenario, done))


@pytest.fixture
def alive(tmp_path: Path) -> Iterator[Path]:
    """The folder of a run that lives, in this process."""
    with run_folder.opened(tmp_path / "run", 0):
        yield tmp_path / "run"


def test_it_says_how_far_the_run_is(alive: Path) -> None:
    """Starting, warming up, measuring with the rate of each arm, and what is left to do afterwards."""
    now = 0.0
    with Reporter(
        Console(quiet=True), ProgressFile(alive, "smoke", ["token", "cookie"]), lambda: now
    ) as told:
        told.log("starting servers")
        first = progress_file.read(alive)
        told.begin("saturation", 8, ["token", "cookie"])
        second = progress_file.read(alive)
        for done in range(1, 5):
            now += 2
            told.slot(done, instance=done % 2, requests=100, elapsed_ns=50_000_000)
        third = progress_file.read(alive)
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.run, first.suite, first.arms, first.pid) == (
        "run",
        "smoke",
        ["token", "cookie"],
        os.getpid(),
    )
    assert (first.doing, first.scenario, first.total) == ("starting servers", None, 0)
    assert (second.scenario, second.done, second.total) == ("saturation", 0, 8)
    assert (third.doing, third.done, third.total) == ("measuring", 4, 8)
    assert third.left_s == 6.0  # three slots took six seconds; four are left, reckoned from the first's end
    assert third.rates == {"token": 2000.0, "cookie": 2000.0}
    last = progress_file.read(alive)
    assert last is not None
    assert (last.doing, last.scenario) == ("all is measured; making tables and charts", None)


def test_it_goes_with_the_run(tmp_path: Path) -> None:
    """Whether that ends well or not."""
    with run_folder.opened(tmp_path / "well", 0):
        ProgressFile(tmp_path / "well", "smoke", ["token"]).write("measuring")
        (tmp_path / "well" / "result.json").touch()
    assert [path.name for path in (tmp_path / "well").iterdir()] == ["result.json"]

    def stopped() -> None:
        with run_folder.opened(tmp_path / "stopped", 0):
            ProgressFile(tmp_path / "stopped", "smoke", ["token"]).write("measuring")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert not (tmp_path / "stopped").exists()


def test_it_is_written_once_a_second_at_most_while_slots_go_by() -> None:
    """Sixty slots of a tenth of a second: six seconds."""
    now, file = 0.0, Written()
    told = Reporter(Console(quiet=True), file, lambda: now)
    told.begin("saturation", 60, ["token"])
    for done in range(1, 61):
        now = done / 10
        told.slot(done, instance=0, requests=100, elapsed_ns=50_000_000)
    assert [done for _, _, done in file.news] == [0, 10, 20, 30, 40, 50, 60]


def test_what_happens_under_load_writes_nothing() -> None:
    """The events of an incident come while requests are being answered."""
    file = Written()
    Reporter(Console(quiet=True), file).event("the store was killed")
    assert file.news == []


class _NoRig:
    def check_alive(self) -> None:
        """It is."""


class _NoMeters:
    def begin(self, _instance: int) -> None:
        """Nothing to read."""

    def end(self, _slot: int, _instance: int) -> None:
        """Nothing to read."""


def test_a_slot_is_told_while_the_load_waits() -> None:
    """The load generator goes on only after the harness has told, so nothing is written while it records."""
    ours, theirs = socket.socketpair()
    order: list[str] = []

    class Met(SlotBarrier):
        def _register(self) -> None:
            self._connections = [ours]

    def play() -> None:
        with theirs:
            for word in (b"begin 0 0\n", b"end 0 0 10 50\n", b"begin 1 0\n", b"end 1 0 10 50\n"):
                theirs.sendall(word)
                assert theirs.recv(1) == b"."
                order.append(f"load goes on after {word.split()[0].decode()}")

    def told(done: int, *_: int) -> None:
        order.append(f"told {done}")

    player = threading.Thread(target=play)
    player.start()
    one, rig, meters = cast(LoadProcess, None), cast(Rig, _NoRig()), cast(UsageRecorder, _NoMeters())
    with ours, Met(ours, [one], rig) as edges:
        edges.attend(meters, ProcessSampler(1), told)
    player.join()
    begun = "load goes on after begin"
    assert order == [begun, "told 1", "load goes on after end", begun, "told 2", "load goes on after end"]


def test_a_full_disk_fails_no_run(alive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks on sees the news before."""
    file = ProgressFile(alive, "smoke", ["token"])
    file.write("starting servers")

    def full(*_: object, **__: object) -> None:
        raise EnvironmentFailedError("no space left")

    monkeypatch.setattr(files, "write_atomically", full)
    file.write("logging in")
    seen = progress_file.read(alive)
    assert seen is not None
    assert seen.doing == "starting servers"


def test_of_a_killed_run_nothing_is_believed_and_the_next_removes_it(tmp_path: Path) -> None:
    """SIGKILL leaves the file; the lock that says that the run lives is gone."""
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from harness.measure import run_folder; from harness.results import progress_file\n"
        "folder = Path(sys.argv[1])\n"
        "with run_folder.opened(folder, 0):\n"
        "    progress_file.ProgressFile(folder, 'smoke', ['token']).write('measuring')\n"
        "    print(progress_file.read(folder) is not None, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    words = [sys.executable, "-c", program, str(tmp_path / "run")]
    done = subprocess.run(words, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "True\n")
    assert (tmp_path / "run" / PROGRESS_FILE).exists()
    assert progress_file.read(tmp_path / "run") is None
    assert str(tmp_path / "run" / PROGRESS_FILE) in run_folder.remove(tmp_path)
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"run": 1}', '{"pid": "x"}', "x" * 100_000],
    ids=["empty", "cut off", "a list", "a number", "too little", "too long"],
)
def test_a_file_of_another_kind_is_no_run(alive: Path, text: str) -> None:
    """Nothing is shown of it."""
    (alive / PROGRESS_FILE).write_text(text)
    assert progress_file.read(alive) is None


def test_a_link_is_not_followed(alive: Path, tmp_path: Path) -> None:
    """What it leads to may be anybody's."""
    ProgressFile(alive, "smoke", ["token"]).write("measuring")
    (alive / PROGRESS_FILE).rename(tmp_path / "elsewhere.json")
    (alive / PROGRESS_FILE).symlink_to(tmp_path / "elsewhere.json")
    assert Progress.model_validate_json((tmp_path / "elsewhere.json").read_text()).doing == "measuring"
    assert progress_file.read(alive) is None


def test_nothing_is_waited_for(alive: Path) -> None:
    """Neither for a writer of a pipe, nor for one who has it open and is silent; no file stays open."""
    os.mkfifo(alive / PROGRESS_FILE)
    open_before = psutil.Process().num_fds()
    assert progress_file.read(alive) is None
    writer = os.open(alive / PROGRESS_FILE, os.O_RDWR)
    try:
        assert progress_file.read(alive) is None
    finally:
        os.close(writer)
    (alive / PROGRESS_FILE).unlink()
    (alive / PROGRESS_FILE).mkdir()
    assert progress_file.read(alive) is None
    assert psutil.Process().num_fds() == open_before


def test_looking_takes_no_lock_away(alive: Path) -> None:
    """The run still has it, and nobody else gets it."""
    ProgressFile(alive, "smoke", ["token"]).write("measuring")
    assert progress_file.read(alive) is not None
    assert not locks.is_abandoned(files.reserve_of(alive))
