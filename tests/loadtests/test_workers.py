"""Workers share a plan as load processes do, over Locust's master; and only those who hold the secret."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.errors import EnvironmentFailedError
from harness.load import generator
from harness.load.remote import RemoteWorkers
from harness.protocol.plan import arrival_offsets
from harness.protocol.recording import Recording
from harness.suites.external import HostPort
from harness.system import processes, secret
from harness.system.source_tree import OURS, Tree
from harness.testbed.sampler import ProcessSampler
from tests.loadtests.test_processes import SLOT_NS, SLOTS, Watched, plan
from tests.servers.process import Server

SECRET = "a secret that only tests know"
USERS = 4
pytestmark = [pytest.mark.slow, pytest.mark.alone]


@dataclass
class Stage:
    """A run's master, and the workers that were started for it."""

    folder: Path
    workers: RemoteWorkers
    told: list[str] = field(default_factory=list)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    gathering: threading.Thread | None = None
    fault: list[Exception] = field(default_factory=list)

    def gather(self, limit_s: float = 90) -> None:
        """Begin to wait for workers."""

        def wait() -> None:
            try:
                self.workers.gather(limit_s, self.told.append)
            except EnvironmentFailedError as error:
                self.fault.append(error)

        self.gathering = threading.Thread(target=wait)
        self.gathering.start()

    @property
    def address(self) -> str:
        """Where the master listens, as it told."""
        while len(self.told) < 2:
            assert self.gathering is not None
            self.gathering.join(0.01)
        return self.told[1].split()[-1]

    def work(
        self, held: str = SECRET, tree: Tree = OURS, address: str | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a worker that holds this secret, from this tree, by this way to the master."""
        words = [address or self.address, "--patience", "60", "--cpu", "any"]
        return self.start("loadtests.distributed.worker", words, {secret.NAME: held}, tree)

    def start(
        self, module: str, arguments: list[str], environment: dict[str, str], tree: Tree = OURS
    ) -> subprocess.Popen[bytes]:
        """Start a program of ours."""
        log = self.folder / f"started-{len(self.started)}.log"
        process = processes.start(module, arguments, log=log, environment=environment, tree=tree)
        self.started.append(process)
        return process

    def clear(self) -> None:
        """Let the workers end, who were told, and then make sure."""
        for process in self.started:
            if processes.module_of(process.args) == "loadtests.distributed.worker":  # type: ignore[arg-type]
                with suppress(subprocess.TimeoutExpired):
                    process.wait(10)
        processes.terminate(self.started)

    def gathered(self) -> None:
        """Wait until all are there, or it is clear that they are not."""
        assert self.gathering is not None
        self.gathering.join()


@contextmanager
def stage(folder: Path, count: int) -> Iterator[Stage]:
    """A master for so many workers; afterwards nothing is left of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(secret.NAME, SECRET)
        workers = RemoteWorkers(count, HostPort("127.0.0.1", 0))
    with ExitStack() as stack:
        one = Stage(folder, workers)
        stack.callback(one.clear)
        stack.enter_context(workers)
        yield one


@contextmanager
def slow_way(port: int) -> Iterator[str]:
    """An address from which everything reaches a port of this machine 3 ms later, and so do the answers."""
    with socket.create_server(("127.0.0.1", 0)) as here, ExitStack() as stack:

        def carry(source: socket.socket, target: socket.socket) -> None:
            with suppress(OSError):
                while data := source.recv(65536):
                    time.sleep(0.003)
                    target.sendall(data)

        def accept() -> None:
            with suppress(OSError):
                one, _ = here.accept()
                other = socket.create_connection(("127.0.0.1", port))
                for end in (one, other):
                    stack.callback(end.close)
                for ends in ((one, other), (other, one)):
                    threading.Thread(target=carry, args=ends, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield "{}:{}".format(*here.getsockname())


def said(process: subprocess.Popen[bytes]) -> str:
    """The last that a process says, once it has ended."""
    assert process.stdout is not None
    return process.stdout.read().decode().strip().splitlines()[-1]


def drive(
    folder: Path,
    server: Server,
    model: str,
    how: generator.Generator,
    on_slot: Callable[[int, int, int, int], None] = lambda *_: None,
) -> tuple[Recording, Watched]:
    """A load over the plan of `test_processes`."""
    watched: Any = Watched(folder)
    whole = plan(folder, server, model, users=USERS)
    one = generator.run(whole, watched, watched, ProcessSampler(1), how=how, on_slot=on_slot)
    return one, watched


def test_two_workers_record_what_two_processes_do(
    serve: Callable[[str], Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One load after the other: each edge is passed once, each arrival is sent by the same one, once."""
    monkeypatch.setenv("LOCUST_HOST", "http://192.0.2.1")  # nothing of Locust's own settings counts
    server = serve("token")
    own = {model: drive(tmp_path, server, model, generator.Generator(2))[0] for model in ("open", "closed")}
    with stage(tmp_path, 2) as on:
        on.gather()
        ends = [on.work(), on.work()]
        on.gathered()
        for model in ("open", "closed", "open"):
            recording, watched = drive(tmp_path, server, model, generator.Generator(workers=on.workers))
            assert recording.complete
            assert recording.errors == {}
            assert [(r.slot, r.process) for r in recording.slots] == [
                (r.slot, r.process) for r in own[model].slots
            ]
            assert watched.edges == [edge for s in range(SLOTS) for edge in ("begin 0", f"end {s} 0")]
            assert min(row.requests for row in recording.slots) > 0
            if model == "open":
                due = len(arrival_offsets(100, SLOT_NS, "constant", 1))
                for theirs, ours in zip(recording.slots, own[model].slots, strict=True):
                    assert theirs.requests + theirs.dropped == theirs.scheduled == ours.scheduled
                    assert theirs.response_bytes * ours.requests == ours.response_bytes * theirs.requests
                assert sum(row.scheduled for row in recording.slots) == due * SLOTS
        assert len(on.workers.found) == 2
        assert all(one.clock_error_us > 0 for one in on.workers.found)
    assert [one.returncode for one in ends] == [0, 0]


def test_a_worker_that_is_killed_is_named_and_what_was_seen_is_kept(
    serve: Callable[[str], Server], tmp_path: Path
) -> None:
    """The finished slots of both are there; the other worker ends by itself."""
    with stage(tmp_path, 2) as on:
        on.gather()
        ends = [on.work(), on.work()]
        on.gathered()

        def kill_one(done: int, *_: int) -> None:
            if done == SLOTS - 1:
                os.kill(ends[0].pid, signal.SIGKILL)

        recording, _ = drive(
            tmp_path, serve("cookie"), "open", generator.Generator(workers=on.workers), on_slot=kill_one
        )
        assert not recording.complete
        host = on.workers.found[0].host
        assert f", on {host}, was lost: no message for 5 s" in recording.lost
        assert recording.lost.startswith(("worker 1 of 2", "worker 2 of 2"))
        finished = {row.slot for row in recording.slots}
        assert finished
        assert finished <= set(range(SLOTS - 1))
        for slot in finished:
            rows = [row for row in recording.slots if row.slot == slot]
            assert {row.process for row in rows} == {0, 1}
            assert sum(row.requests + row.dropped for row in rows) == sum(row.scheduled for row in rows)
        assert ends[1].wait(10) == 0
        assert "was lost: no message for 5 s" in said(ends[1])


def test_nobody_else_becomes_a_worker(tmp_path: Path) -> None:
    """Not who has another secret, other code or a slow way, nor any of Locust's; all are told why."""
    other = tmp_path / "tree"
    for package in ("harness", "loadtests", "servers"):
        shutil.copytree(OURS.root / package, other / package, ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "loadtests" / "pacing.py").open("a") as file:
        file.write("# changed\n")
    with stage(tmp_path, 1) as on:
        on.gather(limit_s=30)  # it ends with the limit
        host, port = on.address.split(":")
        ours = str(OURS.root / "loadtests" / "locustfile.py")
        on.start("locust", ["--worker", "-f", ours, "--master-host", host, "--master-port", port], {})
        wrong = on.work(held="another secret of somebody")
        changed = on.work(tree=Tree(other))
        with slow_way(int(port)) as way:
            far = on.work(address=way)
            assert far.wait(60) == 3
        assert wrong.wait(60) == changed.wait(60) == 3
        assert said(wrong) == "refused: wrong secret"
        assert said(changed).startswith("refused: different version: load code ")
        assert re.search(r"its clock offset is known to \d+\.\d+ ms only, and the limit is 1 ms", said(far))
        on.gathered()
    assert "0 of 1 worker(s) joined" in str(on.fault[0])
    refused = [line for line in on.told if line.startswith("refused")]
    assert len(refused) == 3
    assert "refused a worker on an unknown host: wrong secret" in refused


def test_a_worker_loads_nothing_for_a_master_without_the_secret(tmp_path: Path) -> None:
    """Locust's own master may say what it likes; the worker gives up after its patience."""
    with socket.socket() as victim, socket.socket() as free:
        victim.bind(("127.0.0.1", 0))
        victim.listen()
        victim.settimeout(0)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        arguments = [
            *("--master", "--headless", "-f", str(OURS.root / "loadtests" / "locustfile.py")),
            *("--master-bind-host", "127.0.0.1", "--master-bind-port", str(port)),
            *("--expect-workers", "1", "--users", "2", "--loglevel", "INFO"),
            *("--host", f"http://127.0.0.1:{victim.getsockname()[1]}", "Saturation"),
        ]
        stranger = processes.start("locust", arguments, log=tmp_path / "master.log")
        worker = processes.start(
            "loadtests.distributed.worker",
            [f"127.0.0.1:{port}", "--patience", "15", "--cpu", "any"],
            log=tmp_path / "worker.log",
            environment={secret.NAME: SECRET},
        )
        try:
            assert worker.wait(60) == 3
            assert said(worker) == f"no master answered at 127.0.0.1:{port} for 15 s"
            assert "Sending spawn jobs" in (tmp_path / "master.log").read_text()
            with pytest.raises(BlockingIOError):
                victim.accept()
        finally:
            processes.terminate([stranger, worker])
