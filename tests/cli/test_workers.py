"""`bench.py run --expect-workers` and `bench.py remote worker`: one run on several machines."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram

from harness.protocol.plan import Plan, arrival_offsets
from harness.protocol.recording import Recording, SlotRecord
from harness.results.model import Result
from tests.sandbox import Sandbox

SUITE = """
title = "two workers"
arms = ["cookie", "token"]
instances = 2
warmup_requests = 40
[[scenarios]]
name = "steady"
load = {{model = "open", users = 8, rate = 100}}
seconds = {seconds}
slot_ms = 195
"""
#: 12: this machine was too noisy, which is no fault.
RUN_CODES = (0, 12)
HOW_LONG_S = 240


@dataclass
class Running:
    """A command under way, and what it has said."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines += iter(self.process.stdout.readline, "")

    def has_said(self, words: str) -> bool:
        """Whether it said these."""
        return any(words in line for line in self.lines)

    def ended(self) -> str:
        """All that it said, once it is over."""
        self.process.wait(HOW_LONG_S)
        self._reader.join()
        return "".join(self.lines)


def begin(sandbox: Sandbox, seconds: int) -> tuple[Running, list[Running]]:
    """A run of that suite, and the two workers that it asks for by the command that it prints."""
    (sandbox.folder / "two.toml").write_text(SUITE.format(seconds=seconds))
    words = ("run", "two.toml", "--out", "run", "--expect-workers", "2", "--workers-bind", "127.0.0.1:0")
    run = Running(sandbox.start(*words))
    sandbox.until(run.process, lambda: run.has_said(" cookies-vs-tokens remote worker "))
    (command,) = [line for line in run.lines if " cookies-vs-tokens remote worker " in line]
    given, _, *worker, address = command.split()
    name, _, value = given.partition("=")
    assert len(value) > 16
    return run, [Running(sandbox.start(*worker, address, **{name: value})) for _ in range(2)]


def kept(folder: Path) -> tuple[Result, Plan, Recording]:
    """What a run left: its result, and the plan and the recording of its first scenario."""
    with gzip.open(folder / "recording-1-steady.jsonl.gz", "rt") as lines:
        rows = list(lines)
    result = Result.model_validate_json((folder / "result.json").read_bytes())
    plan = Plan.loads(json.dumps(json.loads(rows[0])["plan"]))
    return result, plan, Recording.read(row for row in rows[1:] if not row.startswith('{"account"'))


def added(rows: list[SlotRecord]) -> HdrHistogram:
    """Their histograms, counted together value by value."""
    whole = HdrHistogram(1, 60_000_000_000, 3)
    for row in rows:
        one = HdrHistogram.decode(row.response)
        for item in one.get_recorded_iterator():
            whole.record_value(item.value_iterated_to, item.count_added_in_this_iter_step)
    return whole


@pytest.mark.slow
def test_two_workers_make_one_result(sandbox: Sandbox) -> None:
    """Every arrival is accounted for, and the percentiles are those of both workers' histograms together."""
    run, workers = begin(sandbox, seconds=3)
    assert [worker.ended().splitlines()[-1] for worker in workers] == ["the run is over: completed"] * 2
    said = run.ended()
    assert run.process.returncode in RUN_CODES, said
    result, plan, recording = kept(sandbox.folder / "run")
    assert recording.complete
    assert recording.errors == {}
    due = len(arrival_offsets(100, plan.slot_ns, "constant", plan.seed))
    for slot in range(len(plan.order)):
        rows = [row for row in recording.slots if row.slot == slot]
        assert [row.process for row in rows] == [0, 1]
        assert sum(row.scheduled for row in rows) == due
        assert sum(row.requests + row.dropped for row in rows) == due
    found = {(row.arm, row.metric): row for row in result.measurements}
    for arm in ("cookie", "token"):
        own = [target.instance for target in plan.targets if target.arm == arm]
        by_hand = [
            added([row for row in recording.slots if row.instance == one]).get_value_at_percentile(99) / 1e3
            for one in own
        ]
        assert found[arm, "response_p99"].points == by_hand
        assert found[arm, "response_p99"].samples == sum(
            row.requests for row in recording.slots if row.instance in own
        )
    assert found["cookie", "store_ops"].value == 1
    assert found["token", "store_ops"].value == 0
    (clocks,) = [check for check in result.validity if check.check == "clocks"]
    assert len(result.environment.workers) == 2
    assert all(worker.host in clocks.detail for worker in result.environment.workers)


@pytest.mark.slow
def test_a_worker_killed_half_way_makes_a_run_invalid_and_keeps_what_was_seen(sandbox: Sandbox) -> None:
    """It is named, the other ends by itself, and nothing that was measured gets a verdict."""
    run, workers = begin(sandbox, seconds=20)
    sandbox.until(run.process, lambda: run.has_said("steady (open"))
    victim = sandbox.part(workers[0].process, "loadtests.distributed.worker")
    sandbox.until(
        run.process,
        lambda: any(
            file.stat().st_size > 20_000 for file in sandbox.temporary.glob("*/load-0.recording.jsonl")
        ),
    )
    victim.send_signal(signal.SIGKILL)
    said = run.ended()
    assert run.process.returncode == 12, said
    assert "was lost: no message for 5 s" in workers[1].ended()
    assert workers[1].process.returncode == 0
    assert "exit code 3" in workers[0].ended()
    result, plan, recording = kept(sandbox.folder / "run")
    assert result.run.exit_code == 12
    (report,) = [check for check in result.validity if check.check == "final report"]
    assert report.status == "invalid"
    assert f"of 2, on {result.environment.workers[0].host}, was lost" in report.detail
    finished = {row.slot for row in recording.slots}
    assert f"{len(finished)} of {len(plan.order)} slots are kept" in report.detail
    assert 0 < len(finished) < len(plan.order)
    assert not recording.complete
    assert all({row.process for row in recording.slots if row.slot == one} == {0, 1} for one in finished)
    assert {row.verdict for row in result.comparisons} <= {"not judged"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--expect-workers", "3"], "has 8 (got 3)"),
        (["--expect-workers", "2", "--processes", "2"], "--processes: load processes run on this machine"),
        (["--expect-workers", "2", "--workers-bind", "0.0.0.0:5557"], "--workers-bind: expected HOST:PORT"),
    ],
)
def test_what_workers_cannot_share_is_refused(sandbox: Sandbox, arguments: list[str], told: str) -> None:
    """Before anything is started."""
    (sandbox.folder / "two.toml").write_text(SUITE.format(seconds=3))
    done = sandbox.ask("run", "two.toml", "--out", "run", *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert not (sandbox.folder / "run").exists()


def test_a_worker_needs_the_secret(sandbox: Sandbox) -> None:
    """It is told how to give it; a short one is none."""
    done = sandbox.ask("remote", "worker", "127.0.0.1:5557")
    assert done.returncode == 2
    assert "COOKIES_VS_TOKENS_SECRET: the environment must hold the secret" in done.stderr
    done = sandbox.ask("remote", "worker", "127.0.0.1:5557", COOKIES_VS_TOKENS_SECRET="guess-me")
    assert done.returncode == 2
    assert "expected 16 characters or more (got 8)" in done.stderr
